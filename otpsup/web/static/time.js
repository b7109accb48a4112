// The tree's time: a viewer's clock may go wrong by an hour.

let skew = 0; // seconds

/** Seconds since the epoch, as the tree counts them. */
export const now = () => Date.now() / 1000 + skew;

/** The tree has just said what time it is. */
export function setTime(at) {
  skew = at - Date.now() / 1000;
}

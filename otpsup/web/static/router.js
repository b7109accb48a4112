// Which child the address means, and the way back. On a phone the child covers the tree.

import { $, sometimes } from "./dom.js";

const NARROW = matchMedia("(max-width: 900px)"); // as in tree.css
const COVERED = [".skip", ".bar", "#headline", ".past", "#columns > .panel:first-child"];

/** The path that the address names; null if none, or if it is none. */
export function asked() {
  try {
    return location.hash.slice(1).split("/").map(decodeURIComponent).join("/") || null;
  } catch {
    return null; // as in `#100%`
  }
}

function fragment(path) {
  return `#${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** Whether the child is to be seen in place of the tree, if there is no room for both. */
const isShown = () => document.body.dataset.view === "detail";

function cover() {
  const isCovered = NARROW.matches && isShown();
  for (const each of COVERED) document.querySelector(each).inert = isCovered;
}

let current = null;
// Browsers refuse to note every step of an arrow key that is held down.
const note = sometimes(() => history.replaceState({ view: history.state?.view ?? "tree" }, "", fragment(current)), 300);

/** Another child is current; `byHand` somebody wants to look at it. */
export function went(path, byHand) {
  current = path;
  if (byHand) document.body.dataset.view = "detail";
  if (byHand && NARROW.matches && history.state?.view !== "detail") {
    history.replaceState({ view: "tree" }, "");
    history.pushState({ view: "detail" }, "", fragment(path));
  } else note();
  cover();
  if (byHand && NARROW.matches) $("detail").focus();
}

/** Back to the tree. */
export function back() {
  if (NARROW.matches && isShown() && history.state?.view === "detail") return history.back();
  close();
}

function close() {
  delete document.body.dataset.view;
  cover();
  $("tree").focus();
}

/** Follows the address from now on; `go(path, byHand)` makes a child current. */
export function beginRouter(go) {
  NARROW.addEventListener("change", cover);
  addEventListener("popstate", ({ state }) => {
    if (state === null) return; // somebody typed; see below
    if (state.view === "detail") document.body.dataset.view = "detail";
    else close();
    cover();
    if (asked() !== null) go(asked(), false);
  });
  addEventListener("hashchange", () => history.state === null && asked() !== null && go(asked(), true));
  if (asked() !== null) go(asked(), true);
}

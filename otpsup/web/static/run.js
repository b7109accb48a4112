// Which run of the tree a tab has seen: another process, or another start, is another run.

import { base } from "./api.js";

const SEEN = `otpsup.run ${base.pathname}`;

const runOf = ({ name, pid, since }) => JSON.stringify([name, pid, since]);

/** Whether this tab has seen an earlier run of the same tree; from now on it has seen this one. */
export function isStartedAgain(about) {
  const seen = sessionStorage.getItem(SEEN);
  sessionStorage.setItem(SEEN, runOf(about));
  return seen !== null && seen !== runOf(about) && JSON.parse(seen)[0] === about.name;
}

/** Whether two answers tell of the same run. */
export const isSameRun = (one, other) => runOf(one) === runOf(other);

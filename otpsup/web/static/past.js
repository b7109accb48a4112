// Ends and restarts on a time line.

import { h, s } from "./dom.js";
import { clock, span, t } from "./i18n.js";
import { isEnd, restarted } from "./model.js";
import { now } from "./time.js";
import { told } from "./told.js";

const SPANS = [60, 300, 900, 3600, 6 * 3600, 24 * 3600];
const MOST = 1000;
const SLOTS = 250; // places on the line; what falls into one of them is one mark
const LANES = { ended: 5, restarted: 18, unready: 18 };
const KINDS = Object.keys(LANES);

/** What events mean here. */
function meanings(events) {
  const again = new Set(restarted(events));
  const kindOf = (event) => {
    if (isEnd(event)) return "ended";
    if (again.has(event)) return "restarted";
    return event.kind === "readiness" && event.reason ? "unready" : null;
  };
  return events.map((event) => ({ ...event, kind: kindOf(event) })).filter(({ kind }) => kind);
}

/** Those within a span that suits them, no longer than the tree lives: `{long, marks, known}`;
 * before `known` there may have been others. */
function lately(events, { since, knownFrom }, at) {
  const marks = meanings(events).slice(-MOST);
  const age = marks.length ? at - marks[0].at : 0;
  const fitting = SPANS.find((each) => age <= each) ?? SPANS.at(-1);
  const long = Math.min(Math.max(fitting, SPANS[1]), Math.max(at - since, SPANS[0]));
  return { long, marks: marks.filter((each) => each.at >= at - long), known: Math.max(knownFrom, at - long) };
}

/** A time line of these events; a mark that is clicked selects its child. `from`: since when the
 * tree runs, and since when all of its events are known. */
export function timeLine(events, from, select) {
  const at = now();
  const found = lately(events, from, at);
  const counts = KINDS.map((kind) => [kind, found.marks.filter((each) => each.kind === kind).length]).filter(([, n]) => n);
  const over = t("past.over", { span: span(found.long) });
  const numbers = counts.map(([kind, n]) => t(`past.${kind}`, { n }));
  const label = counts.length ? `${numbers.join(", ")} ${over}` : t("past.calm", { span: span(found.long) });
  const words = counts.length
    ? [...counts.map(([kind], i) => h("span", { class: "past-count" }, legend(kind), numbers[i])), h("span", {}, over)]
    : [label];
  return h("div", { class: "past-line" },
    h("p", { class: "past-words" }, ...words),
    h("div", { class: "track-box" },
      track(found, at, label, select),
      h("p", { class: "axis", "aria-hidden": "true" },
        h("span", {}, t("past.ago", { span: span(found.long) })), h("span", {}, t("past.now")))));
}

function legend(kind) {
  return s("svg", { class: `legend ${kind}`, viewBox: "-6 -6 12 12", "aria-hidden": "true" }, shape(kind));
}

/** One of each kind for each place on the line: the latest, which counts the others. */
function drawn(marks, long, at) {
  const found = new Map();
  for (const each of marks) {
    const key = `${each.kind} ${Math.floor(((at - each.at) / long) * SLOTS)}`;
    found.set(key, { ...each, more: (found.get(key)?.more ?? -1) + 1 });
  }
  return found.values();
}

function track({ long, marks, known }, at, label, select) {
  const place = (when) => `${(0.6 + 98.8 * (1 - (at - when) / long)).toFixed(2)}%`; // marks do not stick out
  const svg = s("svg", { class: "track", role: "img", "aria-label": label });
  const y = { y1: "11.5", y2: "11.5" };
  if (known > at - long) {
    const words = t("past.unknown", { at: clock(known) });
    svg.append(s("line", { x1: place(at - long), x2: place(known), ...y, class: "base unknown" }, s("title", {}, words)));
  }
  svg.append(s("line", { x1: place(known), x2: place(at), ...y, class: "base" }));
  for (const each of drawn(marks, long, at)) {
    const mark = s("svg", { x: place(each.at), y: LANES[each.kind], overflow: "visible", class: `event ${each.kind}` },
      shape(each.kind), titleOf(each));
    if (select) mark.addEventListener("click", () => select(each.path));
    svg.append(mark);
  }
  return svg;
}

function titleOf({ at, text, more }) {
  const said = told(text);
  return s("title", { lang: said.lang }, `${clock(at)}  ${said.text}${more ? `  (+${more})` : ""}`);
}

function shape(kind) {
  if (kind === "ended") return s("path", { d: "M-3 -3 L3 3 M3 -3 L-3 3", class: "line" });
  if (kind === "restarted") return s("path", { d: "M0 -4.5 L4.5 3.5 H-4.5 Z" });
  return s("circle", { r: 3.5, class: "line" });
}

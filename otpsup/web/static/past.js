// Ends and restarts on a time line.

import { h, s } from "./dom.js";
import { clock, span, t } from "./i18n.js";

const SPANS = [300, 900, 3600, 6 * 3600, 24 * 3600];
const MOST = 1000;
const SLOTS = 250; // places on the line; what falls into one of them is one mark
const LANES = { ended: 5, restarted: 18, unready: 18 };

function kindOf(event) {
  if (event.kind === "child_terminated" || event.kind === "start_error") return "ended";
  if (event.kind === "restart") return "restarted";
  if (event.kind === "readiness" && event.reason) return "unready";
  return null;
}

/** Those within a span that suits them: `{span, marks: [{at, kind, text, path}]}`. */
export function lately(events, now) {
  const marks = events
    .map((event) => ({ at: event.at, kind: kindOf(event), text: event.text, path: event.path }))
    .filter((each) => each.kind)
    .slice(-MOST);
  const age = marks.length ? now - marks[0].at : 0;
  const span = SPANS.find((each) => age <= each) ?? SPANS.at(-1);
  return { span, marks: marks.filter((each) => each.at >= now - span) };
}

/** A time line of these events; a mark that is clicked selects its child. */
export function timeLine(events, select) {
  const now = Date.now() / 1000;
  const found = lately(events, now);
  const count = (kind) => found.marks.filter((each) => each.kind === kind).length;
  const ends = count("ended");
  const restarts = count("restarted");
  const long = span(found.span);
  const words = found.marks.length
    ? t("past.line", { ends, restarts, span: long })
    : t("past.calm", { span: long });
  return h("div", { class: "past-line" },
    h("p", { class: "past-words" }, words),
    h("div", { class: "track-box" },
      track(found, now, words, select),
      h("p", { class: "axis", "aria-hidden": "true" },
        h("span", {}, t("past.ago", { span: long })), h("span", {}, t("past.now")))));
}

/** One of each kind for each place on the line: the latest, which counts the others. */
function drawn(marks, long, now) {
  const found = new Map();
  for (const each of marks) {
    const key = `${each.kind} ${Math.floor(((now - each.at) / long) * SLOTS)}`;
    found.set(key, { ...each, more: (found.get(key)?.more ?? -1) + 1 });
  }
  return found.values();
}

function track({ span: long, marks }, now, label, select) {
  const svg = s("svg", { class: "track", role: "img", "aria-label": label });
  svg.append(s("line", { x1: "0", x2: "100%", y1: "11.5", y2: "11.5", class: "base" }));
  for (const each of drawn(marks, long, now)) {
    const x = 100 * (1 - (now - each.at) / long);
    const place = s("svg", { x: `${x.toFixed(2)}%`, y: LANES[each.kind], overflow: "visible", class: `event ${each.kind}` });
    place.append(shape(each.kind), s("title", {}, `${clock(each.at)}  ${each.text}${each.more ? `  (+${each.more})` : ""}`));
    if (select) place.addEventListener("click", () => select(each.path));
    svg.append(place);
  }
  return svg;
}

function shape(kind) {
  if (kind === "ended") return s("path", { d: "M-3 -3 L3 3 M3 -3 L-3 3", class: "line" });
  if (kind === "restarted") return s("path", { d: "M0 -4.5 L4.5 3.5 H-4.5 Z" });
  return s("circle", { r: 3.5, class: "line" });
}

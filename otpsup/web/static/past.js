// Ends and restarts on a time line.

import { h, s, say } from "./dom.js";
import { clock, span, t } from "./i18n.js";
import { isEnd, restarted } from "./model.js";
import { keyOf, PastList } from "./past-list.js";
import { now } from "./time.js";
import { told } from "./told.js";

const SPANS = [60, 300, 900, 3600, 6 * 3600, 24 * 3600];
const MOST = 1000;
const NEAR = 6; // px; marks that are nearer to each other are one
const LANES = { ended: 5, restarted: 18, unready: 18 };
const KINDS = Object.keys(LANES);
const MIDDLE = { y1: "11.5", y2: "11.5" };

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

/** A time line of events, and the same as a list. What is drawn stays the same element as long as it
 * means the same: somebody may have the pointer on it, or the focus. */
export class TimeLine {
  /** `select(path)` is called for a mark that is pressed; null if none can be. */
  constructor(select) {
    this.select = select;
    this.marks = new Map();
    this.wide = 600; // px, until it is seen
    this.words = h("p", { class: "past-words" });
    this.unknown = s("line", { ...MIDDLE, class: "base unknown" }, s("title", {}));
    this.base = s("line", { ...MIDDLE, class: "base" });
    this.track = s("svg", { class: "track", role: "img" }, this.base);
    this.ago = h("span", {});
    this.now = h("span", {});
    this.list = new PastList(select);
    this.element = h("div", { class: "past-line" }, this.words,
      h("div", { class: "track-box" }, this.track, h("p", { class: "axis", "aria-hidden": "true" }, this.ago, this.now)),
      this.list.element);
    new ResizeObserver(([{ contentRect }]) => (this.wide = contentRect.width || this.wide)).observe(this.track);
  }

  /** `from`: since when the tree runs, and since when all of its events are known. */
  draw(events, from) {
    const at = now();
    const found = lately(events, from, at);
    this.#tell(found, at);
    this.#base(found, at);
    this.#marks(found, at);
    this.list.draw(found.marks);
  }

  /** How many there are of each kind. */
  #tell({ marks, long, known }, at) {
    const counts = KINDS.map((kind) => [kind, marks.filter((each) => each.kind === kind).length]).filter(([, n]) => n);
    const over = t("past.over", { span: span(at - known) }); // no more than is known
    const numbers = counts.map(([kind, n]) => t(`past.${kind}`, { n }));
    const label = counts.length ? `${numbers.join(", ")} ${over}` : t("past.calm", { span: span(at - known) });
    say(this.ago, t("past.ago", { span: span(long) }));
    say(this.now, t("past.now"));
    if (this.track.getAttribute("aria-label") === label) return;
    this.track.setAttribute("aria-label", label);
    this.words.replaceChildren(...(counts.length
      ? [...counts.map(([kind], i) => h("span", { class: "past-count" }, legend(kind), numbers[i])), h("span", {}, over)]
      : [label]));
  }

  /** The line itself, dotted where nobody knows what happened. */
  #base({ long, known }, at) {
    put(this.base, { x1: place(known, at, long), x2: place(at, at, long) });
    if (known <= at - long) return this.unknown.remove();
    put(this.unknown, { x1: place(at - long, at, long), x2: place(known, at, long) });
    say(this.unknown.firstChild, t("past.unknown", { at: clock(known) }));
    if (!this.unknown.isConnected) this.base.before(this.unknown);
  }

  #marks({ long, marks }, at) {
    const gone = new Set(this.marks.keys());
    for (const each of drawn(marks, (long / this.wide) * NEAR)) {
      const key = keyOf(each);
      gone.delete(key);
      if (!this.marks.has(key)) this.marks.set(key, this.track.appendChild(this.#mark(each)));
      const mark = this.marks.get(key);
      put(mark, { x: place(each.at, at, long) });
      tell(mark.lastChild, each);
    }
    for (const key of gone) {
      this.marks.get(key).remove();
      this.marks.delete(key);
    }
  }

  #mark({ kind, path }) {
    const onclick = this.select && (() => this.select(path));
    return s("svg", { y: LANES[kind], overflow: "visible", class: `event ${kind}`, onclick }, shape(kind), s("title", {}));
  }
}

function legend(kind) {
  return s("svg", { class: `legend ${kind}`, viewBox: "-6 -6 12 12", "aria-hidden": "true" }, shape(kind));
}

/** One of each kind for each place on the line: the first, which counts the others. Places stay where
 * they are while the time goes by, so that nothing comes and goes. */
function drawn(marks, least) {
  const width = 2 ** Math.ceil(Math.log2(least)); // s
  const found = new Map();
  for (const each of marks) {
    const key = `${each.kind} ${Math.floor(each.at / width)}`;
    if (found.has(key)) found.get(key).more += 1;
    else found.set(key, { ...each, more: 0 });
  }
  return found.values();
}

/** Where on the line a moment is. Marks do not stick out, nor what the page takes for a moment to come:
 * how late it is it knows only as well as answers are fast. */
const place = (when, at, long) => `${(0.6 + 98.8 * (1 - Math.max(0, at - when) / long)).toFixed(2)}%`;

function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function tell(title, { at, text, more }) {
  const said = told(text);
  if (said.lang) put(title, { lang: said.lang });
  else title.removeAttribute("lang");
  say(title, `${clock(at)}  ${said.text}${more ? `  (+${more})` : ""}`);
}

function shape(kind) {
  if (kind === "ended") return s("path", { d: "M-3 -3 L3 3 M3 -3 L-3 3", class: "line" });
  if (kind === "restarted") return s("path", { d: "M0 -4.5 L4.5 3.5 H-4.5 Z" });
  return s("circle", { r: 3.5, class: "line" });
}

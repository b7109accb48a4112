// What a child writes: the last lines, those that come, and a search in them.

import { address, get } from "./api.js";
import { h, oncePerFrame, say } from "./dom.js";
import { clock, t } from "./i18n.js";
import { follow } from "./stream.js";
import { cut, pieces } from "./terminal.js";
import { toldOf } from "./told.js";

const BEGIN = 2000; // lines
const MOST = 5000; // that are kept and drawn
const ALL = 100_000; // as many as the server gives
const SAME = 50; // lines after which two places in a log are the same

/** A view of one child's log. */
export class Log {
  constructor(path) {
    this.path = path;
    this.lines = [];
    this.most = MOST;
    this.stream = null;
    this.words = "";
    this.isAtEnd = true;
    this.draw = oncePerFrame(() => this.#draw());
    this.#build();
    this.translate();
    this.#open();
  }

  close() {
    this.end?.();
  }

  #build() {
    this.search = h("input", { type: "search", oninput: () => this.#searched(), onkeydown: (event) => this.#key(event) });
    this.count = h("span", { class: "remark", role: "status" });
    this.both = h("option", { value: "" });
    this.pick = h("select", { onchange: () => this.#picked() }, this.both, h("option", { value: "stdout" }, "stdout"), h("option", { value: "stderr" }, "stderr"));
    this.following = h("input", { type: "checkbox", checked: true, onchange: () => this.#followed() });
    this.label = h("span", {});
    this.state = h("p", { class: "log-state", role: "status", hidden: true });
    this.out = h("div", { class: "log-lines", tabindex: "0", role: "log", "aria-live": "off", onscroll: () => this.#scrolled() });
    this.looked = h("span", { class: "remark", role: "status" });
    this.rest = h("button", { type: "button", onclick: () => this.#searchAll() });
    this.foot = h("div", { class: "log-foot", hidden: true }, this.looked, this.rest);
    this.element = h("div", { class: "log" },
      h("div", { class: "log-bar" }, this.search, this.count, this.pick, h("label", { class: "check" }, this.following, this.label)),
      this.state, this.out, this.foot);
  }

  /** The words in the language that is chosen now. */
  translate() {
    this.search.placeholder = t("log.search");
    this.search.setAttribute("aria-label", t("log.search"));
    this.pick.setAttribute("aria-label", t("log.both"));
    this.out.setAttribute("aria-label", t("tab.log"));
    say(this.both, t("log.both"));
    say(this.label, t("log.follow"));
    say(this.rest, t("log.all"));
    if (this.told) this.#tell(...this.told);
    this.#anew();
  }

  #open() {
    this.lines = [];
    this.most = MOST;
    this.isWhole = false;
    this.#tell("connecting");
    this.end = follow({
      address: () => address("logs/follow", { path: this.path, lines: BEGIN, stream: this.stream }),
      onevent: (kind, line) => kind === "line" && this.#hear(line),
      onstate: (state, detail) => this.#tell(state, detail),
    });
    this.#anew();
  }

  /** What becomes of the stream: there is more than lines and no lines. */
  #tell(state, detail) {
    this.told = [state, detail];
    const again = h("button", { type: "button", onclick: () => this.#open() }, t("again"));
    const words = { lost: [detail ? t("log.lost.why", { why: toldOf(detail).text }) : t("log.lost")], refused: [t("log.refused", { why: detail && toldOf(detail).text }), " ", again] }[state] ?? [];
    this.state.hidden = !words.length;
    if (this.state.textContent !== words.join("")) this.state.replaceChildren(...words);
    this.draw();
  }

  #hear(line) {
    this.lines.push(read(line));
    if (this.lines.length > this.most) this.lines.splice(0, this.lines.length - this.most);
    this.draw();
  }

  #picked() {
    this.end();
    this.stream = this.pick.value || null;
    this.#open();
  }

  #searched() {
    this.words = this.search.value.toLowerCase();
    this.draw();
  }

  #followed() {
    this.isAtEnd = this.following.checked;
    this.draw();
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.out;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < 24;
    this.following.checked = this.isAtEnd;
  }

  /** Enter goes to the next place with the words, with Shift to the one before. */
  #key(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const hits = [...this.out.querySelectorAll("mark")];
    if (!hits.length) return;
    const at = hits.indexOf(this.hit);
    const next = event.shiftKey ? (at < 0 ? hits.length : at) - 1 : at + 1;
    this.hit?.classList.remove("here");
    this.hit = hits[(next + hits.length) % hits.length];
    this.hit.classList.add("here");
    this.isAtEnd = this.following.checked = false;
    this.hit.scrollIntoView({ block: "center" });
    say(this.count, t("log.at", { n: hits.indexOf(this.hit) + 1, all: hits.length }));
  }

  /** Asks once for all lines that the tree has; those that came since go on. */
  async #searchAll() {
    const { stream } = this;
    this.rest.disabled = true;
    say(this.looked, t("loading"));
    try {
      const all = (await get("logs", { path: this.path, lines: ALL, stream })).map(read);
      if (stream !== this.stream) return;
      this.lines = [...all.slice(0, placeOf(this.lines, all)), ...this.lines];
      this.most = Math.max(this.lines.length, MOST);
      this.isWhole = true;
      this.#anew();
    } catch (error) {
      say(this.looked, toldOf(error).text);
    }
    this.rest.disabled = false;
  }

  #anew() {
    this.drawnLine = null;
    this.drawnWords = null;
    this.draw();
  }

  /** Adds what is new; all is drawn anew only for another search. */
  #draw() {
    const found = this.#found();
    const isSame = this.drawnWords === this.words && found.includes(this.drawnLine);
    const from = isSame ? found.lastIndexOf(this.drawnLine) + 1 : 0;
    if (!isSame) this.#clear();
    const made = found.slice(from).map((line, i, some) => lineOf(line, some[i - 1] ?? this.drawnLine, this.words));
    this.out.append(...made);
    while (this.out.childElementCount > Math.max(found.length, 1)) this.out.firstChild.remove();
    this.drawnLine = found.at(-1) ?? null;
    this.drawnWords = this.words;
    if (!isSame || made.length) this.#counted(found.length);
    if (this.isAtEnd) this.out.scrollTop = this.out.scrollHeight;
  }

  #found() {
    const { words } = this;
    return (words ? this.lines.filter((line) => line.low.includes(words)) : this.lines).slice(-MOST);
  }

  #clear() {
    this.out.replaceChildren();
    this.drawnLine = this.hit = null;
  }

  /** How many there are, and where nobody has looked. */
  #counted(n) {
    const { words, isWhole, lines } = this;
    const looked = { n: lines.length, at: lines.length ? clock(lines[0].at) : "" };
    say(this.count, words ? t("log.found", { n }) : "");
    say(this.looked, words && !isWhole ? t("log.looked", looked) : "");
    this.foot.hidden = !words || isWhole || !lines.length;
    if (n) return;
    const none = words && lines.length ? t(isWhole ? "log.none.all" : "log.none", looked) : t(this.told[0] === "live" ? "log.empty" : "log.wait");
    this.out.replaceChildren(h("p", { class: "empty" }, none));
  }
}

const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** A line with what it looks like, and what it is searched by. */
function read(line) {
  const parts = pieces(line.text);
  const text = parts.map((each) => each.text).join("");
  return { ...line, parts, shown: text, low: text.toLowerCase(), day: new Date(line.at * 1000).toDateString() };
}

/** Where among all lines these begin. */
function placeOf(lines, all) {
  const first = lines.slice(0, SAME);
  const isThere = (each, at) => first.every((line, i) => at + i >= all.length || (all[at + i].at === line.at && all[at + i].text === line.text));
  const found = lines.length ? all.findIndex(isThere) : -1;
  return found < 0 ? all.length : found;
}

function lineOf(line, before, words) {
  const isNewDay = line.day !== (before?.day ?? new Date().toDateString());
  const parts = line.skipped ? [{ text: t("log.skipped", { n: line.skipped }), look: "" }] : line.parts;
  return h("div", { class: `log-line ${line.stream}${line.skipped ? " skipped" : ""}` },
    isNewDay && h("p", { class: "log-day" }, dayOf(line.at)),
    h("time", {}, TIME.format(line.at * 1000)),
    h("span", { class: "log-text" }, line.stream === "stderr" && h("span", { class: "unseen" }, "stderr: "), ...marked(parts, line.low, words)));
}

function dayOf(at) {
  return new Date(at * 1000).toLocaleDateString(document.documentElement.lang, { weekday: "long", year: "numeric", month: "long", day: "numeric" });
}

/** The text with what was searched for marked. */
function marked(parts, low, words) {
  if (!words) return parts.map(spanOf);
  const found = [];
  let from = 0;
  for (let at = low.indexOf(words); at >= 0; at = low.indexOf(words, from)) {
    found.push(...cut(parts, from, at).map(spanOf), h("mark", {}, ...cut(parts, at, at + words.length).map(spanOf)));
    from = at + words.length;
  }
  return [...found, ...cut(parts, from, low.length).map(spanOf)];
}

function spanOf({ text, look }) {
  return look ? h("span", { class: look }, text) : text;
}

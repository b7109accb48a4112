// What a child writes: the last lines, those that come, and a search in them.

import { address } from "./api.js";
import { h, oncePerFrame } from "./dom.js";
import { clock, t } from "./i18n.js";
import { follow } from "./stream.js";

const MOST = 2000; // lines
const BEGIN = 300;
const ESCAPES = /\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])|[\x00-\x08\x0b-\x1f\x7f]/g;

/** A view of one child's log: `{element, close}`. */
export function logOf(path) {
  const view = new Log(path);
  return { element: view.element, close: () => view.close() };
}

class Log {
  constructor(path) {
    this.path = path;
    this.lines = [];
    this.stream = null;
    this.words = "";
    this.isAtEnd = true;
    this.draw = oncePerFrame(() => this.#draw());
    this.#build();
    this.#open();
  }

  close() {
    this.end?.();
  }

  #build() {
    this.search = h("input", { type: "search", placeholder: t("log.search"), "aria-label": t("log.search"), oninput: () => this.#searched() });
    this.count = h("span", { class: "remark", role: "status" });
    this.pick = h("select", { "aria-label": t("log.both"), onchange: () => this.#picked() },
      h("option", { value: "" }, t("log.both")), h("option", { value: "stdout" }, "stdout"), h("option", { value: "stderr" }, "stderr"));
    this.following = h("input", { type: "checkbox", checked: true, onchange: () => this.#followed() });
    this.out = h("div", { class: "log-lines", tabindex: "0", role: "log", "aria-live": "off", "aria-label": t("tab.log"), onscroll: () => this.#scrolled() });
    const bar = h("div", { class: "log-bar" }, this.search, this.count, this.pick, h("label", { class: "check" }, this.following, t("log.follow")));
    this.element = h("div", { class: "log" }, bar, this.out);
  }

  #open() {
    this.lines = [];
    this.end = follow({
      address: () => address("logs/follow", { path: this.path, lines: BEGIN, stream: this.stream }),
      onevent: (_, line) => this.#hear(line),
    });
    this.draw();
  }

  #hear(line) {
    this.lines.push({ ...line, text: line.text.replace(ESCAPES, "") });
    if (this.lines.length > MOST) this.lines.splice(0, this.lines.length - MOST);
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

  /** Adds what is new; all is drawn anew only for another search. */
  #draw() {
    const found = this.words ? this.lines.filter((line) => line.text.toLowerCase().includes(this.words)) : this.lines;
    this.count.textContent = this.words ? t("log.found", { n: found.length }) : "";
    const isSame = this.drawnWords === this.words && this.drawn?.isConnected && found.includes(this.drawnLine);
    const from = isSame ? found.lastIndexOf(this.drawnLine) + 1 : 0;
    if (!isSame) this.out.replaceChildren();
    const made = found.slice(from).map((line) => lineOf(line, this.words));
    this.out.append(...made);
    while (this.out.childElementCount > Math.max(found.length, 1)) this.out.firstChild.remove();
    if (!found.length) this.out.replaceChildren(h("p", { class: "empty" }, t(this.words ? "log.none" : "log.empty")));
    if (made.length) Object.assign(this, { drawn: made.at(-1), drawnLine: found.at(-1) });
    if (!found.length) this.drawn = null;
    this.drawnWords = this.words;
    if (this.isAtEnd) this.out.scrollTop = this.out.scrollHeight;
  }
}

function lineOf(line, words) {
  const text = line.skipped ? t("log.skipped", { n: line.skipped }) : line.text;
  return h("div", { class: `log-line ${line.stream}${line.skipped ? " skipped" : ""}` },
    h("time", {}, clock(line.at)), h("span", {}, ...marked(text, words)));
}

/** The text with what was searched for marked. */
function marked(text, words) {
  if (!words) return [text];
  const parts = [];
  const low = text.toLowerCase();
  let from = 0;
  for (let at = low.indexOf(words); at >= 0; at = low.indexOf(words, from)) {
    parts.push(text.slice(from, at), h("mark", {}, text.slice(at, at + words.length)));
    from = at + words.length;
  }
  return [...parts, text.slice(from)];
}

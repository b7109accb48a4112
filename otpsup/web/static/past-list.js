// Ends and restarts as a list, for who cannot see the line, or uses no pointer. It is seen while it
// has the focus.

import { arrange, h, hTold, say } from "./dom.js";
import { clock, t } from "./i18n.js";
import { told } from "./told.js";

const MOST = 20;
const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

export class PastList {
  /** `select(path)` goes to a child; null if there is nowhere to go. */
  constructor(select) {
    this.select = select;
    this.items = h("ol", { onkeydown: (event) => this.#key(event), onfocusout: () => setTimeout(() => this.#draw()) });
    this.rest = h("p", {});
    this.element = h("div", { class: "unseen past-list" }, this.items, this.rest);
    this.marks = [];
    this.made = new Map(); // by key
  }

  /** These marks, the oldest first. Nothing is moved away under who is just reading it. */
  draw(marks) {
    this.marks = marks;
    this.#draw();
  }

  #draw() {
    if (this.items.contains(document.activeElement)) return;
    const shown = this.marks.slice(-MOST).reverse();
    const before = this.made;
    this.made = new Map(shown.map((each) => [keyOf(each), before.get(keyOf(each)) ?? this.#item(each)]));
    const items = [...this.made.values()];
    arrange(this.items, items);
    if (this.select) items.forEach((item, place) => (item.firstChild.tabIndex = place ? -1 : 0)); // Tab reaches the first, arrows the others
    this.items.setAttribute("aria-label", t("past.list"));
    this.items.hidden = !shown.length;
    say(this.rest, this.marks.length > MOST ? t("head.more", { n: this.marks.length - MOST }) : "");
  }

  #item({ at, path, text, kind }) {
    const words = [h("time", {}, clock(at)), " ", hTold("span", { class: kind }, told(text))];
    return h("li", {}, this.select ? h("button", { type: "button", onclick: () => this.select(path) }, ...words) : words);
  }

  #key(event) {
    const step = STEPS[event.key];
    if (!step) return;
    const all = [...this.items.querySelectorAll("button")];
    const at = all.indexOf(event.target) + step;
    all[Math.min(Math.max(at, 0), all.length - 1)]?.focus();
    event.preventDefault();
  }
}

/** What is the same as long as this is. */
export const keyOf = ({ at, kind, path }) => `${kind} ${at} ${path} ${document.documentElement.lang}`;

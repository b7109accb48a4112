// The buttons of what can be done with a child: a few, and a menu with the rest. They stay the same
// elements while a child comes and goes, so that a press that has begun is one.

import { session } from "./api.js";
import { VERBS } from "./actions.js";
import { arrange, h, say } from "./dom.js";
import { t } from "./i18n.js";

export class Verbs {
  /** `go(verb)` is called for the one that is pressed. */
  constructor(go) {
    this.go = go;
    this.buttons = new Map(); // by verb
    this.element = h("fieldset", { class: "verbs", "aria-label": t("detail.verbs") });
    this.needs = h("span", { class: "remark" });
    this.list = h("div", { class: "menu-list" });
    this.summary = h("summary", { "data-verb": "more" }, t("do.more"));
    this.menu = h("details", { class: "menu", onkeydown: (event) => this.#key(event) }, this.summary, this.list);
    this.menu.addEventListener("focusout", (event) => this.menu.contains(event.relatedTarget) || (this.menu.open = false));
    this.menu.addEventListener("toggle", () => this.last && this.draw(this.last));
  }

  /** Those that make sense now, as `verbsFor` tells. */
  draw(verbs) {
    this.last = verbs;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.verb : null;
    const onlyLooks = session.role === "view";
    if (!onlyLooks) this.#fill(verbs.more);
    say(this.needs, t("needs.role", { role: session.role }));
    const hasMenu = !onlyLooks && this.list.childElementCount > 0;
    arrange(this.element, [...(onlyLooks ? [this.needs] : []), ...(onlyLooks ? verbs.more : verbs.first).map((verb) => this.#button(verb)), ...(hasMenu ? [this.menu] : [])]);
    if (focused !== null && !this.element.contains(document.activeElement)) this.focus(focused);
  }

  /** The menu. What makes no sense any more stays in its place while it is open: nothing else may come
   * under the pointer. */
  #fill(verbs) {
    const isThere = (verb) => this.menu.open && this.buttons.get(verb)?.parentNode === this.list;
    arrange(this.list, VERBS.filter((verb) => verbs.includes(verb) || isThere(verb)).map((verb) => this.#button(verb)));
    for (const each of this.list.children) {
      if (verbs.includes(each.dataset.verb)) each.removeAttribute("aria-disabled");
      else each.setAttribute("aria-disabled", "true");
    }
  }

  /** The focus goes to this verb; if it is not to be seen any more, to the first that is. Returns
   * whether there is one. */
  focus(verb) {
    const seen = [...this.element.querySelectorAll("button, summary")].filter((it) => it.checkVisibility());
    const found = seen.find((it) => it.dataset.verb === verb) ?? seen[0];
    found?.focus();
    return Boolean(found);
  }

  #button(verb) {
    if (!this.buttons.has(verb)) this.buttons.set(verb, h("button", { type: "button", "data-verb": verb, onclick: ({ currentTarget }) => this.#pressed(currentTarget) }));
    const button = this.buttons.get(verb);
    say(button, t(`do.${verb}`));
    return button;
  }

  #pressed(button) {
    if (button.ariaDisabled === "true") return;
    this.menu.open = false;
    this.go(button.dataset.verb);
  }

  /** Escape closes the menu, and not what is around it. */
  #key(event) {
    if (event.key !== "Escape" || !this.menu.open) return;
    event.stopPropagation();
    this.menu.open = false;
    this.summary.focus();
  }
}

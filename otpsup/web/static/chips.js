// How many there are of each state; pressed, only those are shown.

import { arrange, h, say } from "./dom.js";
import { t } from "./i18n.js";
import { mark } from "./marks.js";
import { moodOf, MOODS } from "./model.js";

export class Chips {
  /** `toggle(mood)` is called for the one that is pressed. */
  constructor(box, toggle) {
    this.box = box;
    this.toggle = toggle;
    this.made = new Map(); // by mood
  }

  /** `pressed`: the moods that are. While somebody is about to press one none goes, and new ones come
   * last: else another would come under the pointer. */
  draw(leaves, pressed) {
    const counts = new Map();
    for (const node of leaves) counts.set(moodOf(node), (counts.get(moodOf(node)) ?? 0) + 1);
    const isHeld = this.box.matches(":hover, :focus-within");
    const isShown = (mood) => counts.has(mood) || pressed.has(mood);
    const there = [...this.box.children].map((chip) => chip.dataset.mood);
    const shown = isHeld ? [...new Set([...there, ...MOODS.filter(isShown)])] : MOODS.filter(isShown);
    arrange(this.box, shown.map((mood) => this.#chip(mood, counts.get(mood) ?? 0, pressed.has(mood))));
  }

  #chip(mood, count, isPressed) {
    if (!this.made.has(mood)) {
      const [name, number] = [h("span", {}), h("b", {})];
      const chip = h("button", { type: "button", class: "chip", "data-mood": mood, onclick: () => this.toggle(mood) }, mark(mood), name, number);
      this.made.set(mood, { chip, name, number });
    }
    const { chip, name, number } = this.made.get(mood);
    say(name, t(`mood.${mood}`));
    say(number, String(count));
    if (chip.ariaPressed !== String(isPressed)) chip.setAttribute("aria-pressed", String(isPressed));
    return chip;
  }
}

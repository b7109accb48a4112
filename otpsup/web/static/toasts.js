// What an action does just now, and how it ended.

import { $, h } from "./dom.js";
import { t } from "./i18n.js";

const STAYS = 5_000;
const STAYS_IF_BAD = 20_000;

/** Says that something goes on; returns how to say how it ended. */
export function toast(words) {
  const text = h("span", { class: "toast-text" }, words);
  const box = h("div", { class: "toast busy" }, h("span", { class: "spinner", "aria-hidden": "true" }), text);
  box.append(h("button", { type: "button", class: "quiet icon", "aria-label": t("close"), onclick: () => box.remove() }, "×"));
  $("toasts").append(box);
  const end = (kind, told, ms) => {
    box.className = `toast ${kind}`;
    text.textContent = told;
    setTimeout(() => box.remove(), ms);
  };
  return { done: (told) => end("good", told, STAYS), failed: (told) => end("bad", told, STAYS_IF_BAD) };
}

// What an action does just now, and how it ended.

import { $, h, say } from "./dom.js";
import { t } from "./i18n.js";

const STAYS = 5_000;
const STAYS_IF_BAD = 20_000;
const STAYS_FOR_UNDO = 10_000;
const STAYS_IF_NEWS = 20_000;

/** Says that something goes on; returns how to say how it ended. */
export function toast(words) {
  let text = h("span", { class: "toast-text" }, words);
  const box = h("div", { class: "toast busy" }, h("span", { class: "spinner", "aria-hidden": "true" }), text);
  box.append(h("button", { type: "button", class: "quiet icon", "aria-label": t("close"), onclick: () => close() }, "×"));
  $("toasts").append(box);
  /** Whoever has the focus in it goes on in the tree. */
  const close = () => {
    const hadFocus = box.contains(document.activeElement);
    box.remove();
    if (hadFocus) $("tree").focus();
  };
  /** Not from under who is just reading it, or about to press something. */
  const leave = () => (box.matches(":hover, :focus-within") ? setTimeout(leave, 1_000) : box.remove());
  // What has failed interrupts what is read aloud; what went well waits for its turn.
  const end = (kind, told, ms) => {
    const said = h("span", { class: "toast-text", role: kind === "bad" && "alert" }, told);
    box.className = `toast ${kind}`;
    text.replaceWith(said);
    text = said;
    setTimeout(leave, ms);
  };
  /** It went well; `undo` is how to have it as it was. */
  const done = (told, undo = null) => {
    if (undo) text.after(h("button", { type: "button", class: "undo", onclick: () => {
      close();
      undo();
    } }, t("undo")));
    end("good", told, undo ? STAYS_FOR_UNDO : STAYS);
  };
  return {
    done,
    failed: (told) => end("bad", told, STAYS_IF_BAD),
    told: (words) => end("news", words, STAYS_IF_NEWS),
    /** It goes on, and there is more to say of that. */
    goes: (words) => say(text, words),
  };
}

// Dialogs that the browser itself keeps the focus in.

import { h } from "./dom.js";
import { t } from "./i18n.js";

let count = 0;

/** A dialog with these parts; it is gone when it is closed. */
export function dialog(title, body, buttons, { wide = false } = {}) {
  count += 1;
  const id = `dialog-${count}`;
  const box = h("dialog", { class: wide ? "wide" : "", "aria-labelledby": id },
    h("h2", { id }, title), h("div", { class: "dialog-body" }, ...[body].flat()), h("div", { class: "dialog-foot" }, ...buttons));
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (event) => event.target === box && box.close());
  document.body.append(box);
  box.showModal();
  return box;
}

/** A dialog that only shows something. */
export function show(title, body, options) {
  const close = h("button", { type: "button", onclick: () => box.close(), autofocus: true }, t("close"));
  const box = dialog(title, body, [close], options);
  return box;
}

/** Asks; resolves with what the fields say if the answer is yes, else with null. */
export function confirm(title, words, yes, { danger = false, fields = [] } = {}) {
  return new Promise((resolve) => {
    let answer = null;
    const form = h("form", { class: "fields", onsubmit: (event) => {
      event.preventDefault();
      answer = Object.fromEntries(new FormData(form));
      box.close();
    } }, ...fields, h("button", { class: "unseen", tabindex: "-1", "aria-hidden": "true" }));
    const go = h("button", { type: "button", class: danger ? "danger" : "main", autofocus: !fields.length, onclick: () => form.requestSubmit() }, yes);
    const no = h("button", { type: "button", onclick: () => box.close() }, t("cancel"));
    const box = dialog(title, [h("p", {}, words), form], [no, go]);
    box.addEventListener("close", () => resolve(answer));
  });
}

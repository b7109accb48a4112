// Dialogs that the browser itself keeps the focus in.

import { h, say, sayParts } from "./dom.js";
import { t } from "./i18n.js";
import { toast } from "./toasts.js";
import { toldOf } from "./told.js";

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
export function show(title, body, { more = [], ...options } = {}) {
  const close = h("button", { type: "button", onclick: () => box.close(), autofocus: true }, t("close"));
  const box = dialog(title, body, [...more, close], options);
  return box;
}

/**
 * Asks; resolves with whether the answer is yes and it was done.
 *   words    what would be done, sentence by sentence
 *   danger   whether Enter alone must not do it
 *   fields   what has to be filled in. Then it is done with the dialog open: if it fails, what was
 *            filled in is still there, and why it failed beside it
 *   work     does it, given what the fields say, and, if there are any, `late(words)`, to be called
 *            when it takes long
 */
export function ask(title, words, yes, work, { danger = false, fields = [] } = {}) {
  return new Promise((resolve) => {
    let answer = false;
    const said = h("p", { class: "problem", role: "alert" });
    const form = h("form", { class: "fields", id: `form-${count}`, onsubmit: (event) => {
      event.preventDefault();
      const given = Object.fromEntries(new FormData(form));
      if (fields.length) return trying(box, said, no, (late) => work(given, late));
      answer = work(given);
      box.close();
    } }, ...fields);
    const go = h("button", { form: form.id, class: danger ? "danger" : "main", autofocus: !danger && !fields.length }, yes);
    const no = h("button", { type: "button", autofocus: danger && !fields.length, onclick: () => box.close() }, t("cancel"));
    const box = dialog(title, [...words.map((each) => h("p", {}, each)), form, said], [no, go]);
    box.addEventListener("done", () => (answer = true));
    box.addEventListener("close", () => resolve(answer));
  });
}

/** Busy while it goes on; closed if it was done. */
async function trying(box, said, no, work) {
  const parts = box.querySelectorAll("form :is(input, select, textarea), .dialog-foot .main, .dialog-foot .danger");
  const busy = (is) => {
    box.classList.toggle("busy", is);
    box.ariaBusy = String(is);
    for (const each of parts) each.disabled = is;
    say(no, t(is ? "close" : "cancel")); // it goes on without being looked at
  };
  sayParts(said, []);
  busy(true);
  try {
    await work((words) => (said.textContent = words));
    box.dispatchEvent(new Event("done"));
    box.close();
  } catch (error) {
    if (!box.isConnected) return void toast("").failed(toldOf(error).text); // nobody has waited for it
    busy(false);
    sayParts(said, [toldOf(error)]);
    parts[0].focus();
  }
}

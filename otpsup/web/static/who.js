// Who is signed in, and with which role: in the bar, beside what ends that, and in the menu of a phone.

import { onWho, session } from "./api.js";
import { $, h, say } from "./dom.js";
import { onLanguage, t } from "./i18n.js";

export function beginWho() {
  onLanguage(draw);
  onWho(draw);
  draw();
}

function draw() {
  const isSomebody = session.role !== null;
  $("who").hidden = !isSomebody;
  $("leave").hidden = !session.csrf;
  if (!isSomebody) return;
  say($("who-as"), `${t("who.as")} `);
  say($("who-is"), is());
  $("who").title = whole();
}

/** The same as one sentence. */
export const whoLine = () => h("p", { class: "remark" }, whole());

const is = () => t("who.is", { name: session.as, role: session.role });
const whole = () => `${t("who.as")} ${is()}`;

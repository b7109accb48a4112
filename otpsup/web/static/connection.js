// Whether what is seen is so: a banner above everything as long as it is not.

import { session } from "./api.js";
import { signInAgain } from "./login.js";
import { $, h, say } from "./dom.js";
import { clock, onLanguage, span, t } from "./i18n.js";
import { told } from "./told.js";

/** `kind` is "none", "connecting", "waiting", "live", "lost", "refused", "halted" or
 * "broken". */
let now = { kind: "none" };
const FINE = new Set(["none", "connecting", "live"]);
let onchange = () => {};

/** Whether the tree can be asked for anything just now. */
export const isLive = () => now.kind === "live";

/** `change()` is called when that is another. */
export function beginConnection(change) {
  onchange = change;
  onLanguage(draw);
  setInterval(() => FINE.has(now.kind) || drawRest(), 1000);
  $("again").addEventListener("click", () => (now.again ?? (() => location.reload()))());
  // The child that covers a phone begins below the banner.
  new ResizeObserver(() => document.documentElement.style.setProperty("--banner", `${$("lost").offsetHeight}px`)).observe($("lost"));
  draw();
}

/** What the stream of events says of itself. */
export function connection(state, detail) {
  if (state === "refused" && detail.status === 401) return signInAgain({ isTreeOver: now.kind === "halted" });
  if (now.kind === "halted") return;
  if (state === "refused") become({ kind: "refused", why: detail.message });
  else if (state === "live") become({ kind: "live" });
  else become({ kind: "lost", why: detail?.message });
}

/** It has answered; who is not signed in waits for nothing. */
export function answered() {
  become({ kind: session.role === null ? "none" : "connecting" });
}

export function halted(reason) {
  become({ kind: "halted", reason });
}

/** The page itself has failed. */
export function broken(why) {
  become({ kind: "broken", why });
}

/** The tree cannot be read, and is tried again after so many ms, or when somebody does not want to
 * wait. */
export function waited(why, ms) {
  return new Promise((again) => {
    setTimeout(again, ms);
    become({ kind: "waiting", why, until: Date.now() + ms, again });
  });
}

function become(next) {
  const since = FINE.has(now.kind) ? Date.now() : now.since; // how long it is not so already
  now = { since, ...next };
  draw();
  onchange();
}

function draw() {
  const { kind, why, reason } = now;
  const isFine = FINE.has(kind);
  document.body.classList.toggle("stale", !isFine && kind !== "waiting");
  $("link").dataset.state = isFine ? kind : "lost";
  say($("link"), kind === "none" ? "" : t(`link.${isFine ? kind : "lost"}`));
  $("lost").hidden = isFine;
  // It is read aloud when it becomes another; what runs is beside it.
  const words = { why: why && told(why).text.replace(/[.。]$/, ""), reason: reason && told(reason).text };
  const key = kind === "lost" && why ? "lost.why" : `lost.${kind}`;
  say($("lost-words"), isFine ? "" : t(kind === "halted" ? "halted" : key, words));
  $("again").hidden = !["refused", "waiting", "broken"].includes(kind);
  say($("again"), t(kind === "waiting" ? "again.now" : "again"));
  if (!isFine) drawRest();
}

const known = () => t("stale.since", { at: clock(now.since / 1000) });

/** To be in front of what may be old; is seen only if it is. */
export function lastKnown() {
  return h("p", { class: "last-known" }, now.since ? known() : "");
}

function drawRest() {
  const { kind, since, until } = now;
  for (const each of document.querySelectorAll(".last-known")) say(each, known());
  const rest = {
    lost: () => t("lost.ago", { ago: span((Date.now() - since) / 1000) }),
    refused: () => t("lost.ago", { ago: span((Date.now() - since) / 1000) }),
    waiting: () => t("lost.again", { span: span(Math.ceil(Math.max(0, until - Date.now()) / 1000)) }),
  };
  say($("lost-ago"), rest[kind]?.() ?? "");
}

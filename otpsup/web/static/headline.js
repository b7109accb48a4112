// What is up, what is not, and why: to be read in two seconds.

import { $, h, say } from "./dom.js";
import { span, t } from "./i18n.js";
import { icon, mark } from "./marks.js";
import { moodOf, TROUBLE } from "./model.js";

const SHOWN = 3;

/** What there is to say, as values; drawn below. */
export function summary(model) {
  const leaves = model.leaves();
  const by = (test) => leaves.filter((node) => test(moodOf(node)));
  const bad = by((mood) => TROUBLE.has(mood));
  const moving = by((mood) => mood === "starting" || mood === "stopping");
  const off = by((mood) => mood === "off");
  const kind = model.halted || bad.length ? "bad" : moving.length ? "moving" : leaves.length > off.length ? "up" : "none";
  return { all: leaves.length, wanted: leaves.length - off.length, bad, moving, off, kind };
}

function title({ all, wanted, bad, moving, kind }, halted) {
  if (halted) return t("halted", { reason: halted.reason });
  if (!all) return t("head.empty");
  if (bad.length === 1) return t("head.one", { name: bad[0].path });
  if (bad.length === 2) return t("head.two", { name: bad[0].path, other: bad[1].path });
  if (bad.length) return t("head.some", { n: bad.length, all });
  if (moving.length === 1) return t("head.moves", { name: moving[0].path, mood: t(`mood.${moodOf(moving[0])}`) });
  if (kind === "moving") return t("head.moving", { n: moving.length });
  if (kind === "none") return t("head.none");
  return t("head.up", { n: wanted });
}

/** What it waits for or when it is tried again, on one line; "" if neither. */
export function waiting(node) {
  const left = node.next_attempt - Date.now() / 1000;
  if (left > 0) return t("next.try", { span: span(Math.ceil(left)) });
  return node.waits && !node.next_attempt ? t("waits.for", { what: node.waits }) : "";
}

/** Why one node is not up, on one line: how it ended, and what it wrote last before that. */
export function reason(node) {
  const isDown = moodOf(node) === "failed" || moodOf(node) === "restarting";
  const ended = isDown && node.last_exit ? [node.last_exit, node.last_output?.at(-1)] : [];
  const first = ended.length ? ended : [node.waits || node.next_attempt ? null : (node.status ?? node.why[0])];
  return [...first, waiting(node)].filter(Boolean).join(" · ");
}

function facts({ off }, model) {
  const hour = Date.now() / 1000 - 3600;
  const restarts = model.events.filter((event) => event.kind === "restart" && event.at > hour).length;
  const parts = [];
  if (off.length) parts.push(t("head.off", { n: off.length }));
  if (restarts) parts.push(t("head.restarts", { n: restarts }));
  if (model.about && !model.halted) parts.push(t("head.since", { span: span(Date.now() / 1000 - model.about.since) }));
  return parts.join(" · ");
}

/** Draws it; `select(path)` is called for a child that is clicked. */
export function drawHeadline(model, select) {
  if (!model.root) return;
  const found = summary(model);
  const box = $("headline");
  const words = title(found, model.halted);
  document.title = `${words} · ${model.about?.name ?? "otpsup"}`;
  iconOf(found.kind);
  if (!box.firstChild) build(box);
  box.dataset.kind = found.kind;
  say(box.querySelector(".head-title"), words);
  say(box.querySelector(".head-facts"), facts(found, model));
  drawTrouble(box.querySelector(".trouble"), found.bad, select);
}

function build(box) {
  const text = h("div", {}, h("p", { class: "head-title", "aria-live": "polite" }), h("p", { class: "head-facts" }));
  box.append(h("span", { class: "head-dot", "aria-hidden": "true" }), text, h("ul", { class: "trouble" }));
}

function iconOf(kind) {
  const link = document.querySelector("link[rel=icon]");
  if (link.dataset.kind !== kind) {
    link.href = icon(kind);
    link.dataset.kind = kind;
  }
}

function drawTrouble(list, bad, select) {
  const lines = bad.slice(0, SHOWN).map((node) => [node, moodOf(node), reason(node)]);
  const rest = bad.length - lines.length;
  const now = JSON.stringify([lines.map(([node, ...told]) => [node.path, ...told]), rest, document.documentElement.lang]);
  if (list.dataset.now === now) return;
  list.dataset.now = now;
  list.replaceChildren(
    ...lines.map(([node, mood, why]) =>
      h("li", {},
        h("button", { type: "button", class: "plain", onclick: () => select(node.path) },
          mark(mood), h("strong", {}, node.path), " ", h("span", { class: "mood" }, t(`mood.${mood}`)),
          why && h("span", { class: "why", lang: "en" }, why)))),
    ...(rest > 0 ? [h("li", { class: "rest" }, t("head.more", { n: rest }))] : []),
  );
}

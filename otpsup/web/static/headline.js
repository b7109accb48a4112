// What is up, what is not, and why: to be read in two seconds.

import { $, arrange, h, isPressed, named, say, sayParts } from "./dom.js";
import { span, t } from "./i18n.js";
import { icon, mark } from "./marks.js";
import { moodOf, MOODS, restarted, TROUBLE } from "./model.js";
import { now } from "./time.js";
import { asItIs, own, told } from "./told.js";

const SHOWN = 4;
const LINGERS = 2_000; // ms that a line stays when all is well again: nothing comes and goes in a blink
const UNREADY = /^.*? is not ready: /s; // it need not be the first sentence

/** What there is to say, as values; drawn below. */
export function summary(model) {
  const leaves = model.leaves();
  const unsteady = model.unsteady();
  const by = (test) => leaves.filter((node) => test(moodOf(node)));
  const bad = by((mood) => TROUBLE.has(mood) && mood !== "unsteady").sort(worstFirst);
  const shaky = [...unsteady.keys()].map((path) => model.nodes.get(path)).filter((node) => node && !bad.includes(node));
  const moving = by((mood) => mood === "starting" || mood === "stopping");
  const off = by((mood) => mood === "off");
  const waits = by((mood) => mood === "waiting");
  return { all: leaves.length, wanted: leaves.length - off.length, bad, shaky, moving, off, waits, unsteady, nodes: model.nodes, kind: kindOf() };

  function kindOf() {
    if (model.halted || bad.length) return "bad";
    if (shaky.length || moving.length || waits.length) return "moving";
    return leaves.length > off.length ? "up" : "none";
  }
}

const worstFirst = (a, b) => MOODS.indexOf(moodOf(a)) - MOODS.indexOf(moodOf(b));

function title({ all, wanted, bad, shaky, moving, waits, kind }, halted) {
  if (halted) return t("halted", { reason: told(halted.reason).text });
  if (!all) return t("head.empty");
  if (bad.length === 1) return t("head.one", { name: bad[0].path });
  if (bad.length === 2) return t("head.two", { name: bad[0].path, other: bad[1].path });
  if (bad.length) return t("head.some", { n: bad.length, all });
  if (shaky.length === 1) return t("head.shaky", { name: shaky[0].path || shaky[0].name });
  if (shaky.length) return t("head.shakies", { n: shaky.length });
  if (moving.length === 1) return t("head.moves", { name: moving[0].path, mood: t(`mood.${moodOf(moving[0])}`) });
  if (moving.length) return t("head.moving", { n: moving.length });
  if (waits.length) return t("head.waits", { n: waits.length });
  if (kind === "none") return t("head.none");
  return t("head.up", { n: wanted });
}

/** What it waits for or when it is tried again, on one line: a part, see told.js; null if neither. */
export function waiting(node) {
  const left = node.next_attempt - now();
  if (left > 0) return own(t("next.try", { span: span(Math.ceil(left)) }));
  return node.waits && !node.next_attempt ? told(node.waits.replace(/^it /, "")) : null;
}

/** Why one node is not up, on one line, in parts: how it ended, and what it wrote last before that. */
export function reason(node) {
  const isDown = ["failed", "restarting", "unsteady"].includes(moodOf(node));
  const first = isDown && node.last_exit ? ended(node) : [node.waits || node.next_attempt ? null : says(node)];
  return [...first, waiting(node)].filter(Boolean);
}

function ended({ last_exit, last_output }) {
  const last = last_output?.at(-1);
  return [last_exit && told(last_exit), last && asItIs(last)].filter(Boolean);
}

/** What it says of itself, or the tree of it. */
function says(node) {
  if (node.status !== null) return node.status ? told(node.status, "status") : null;
  const why = cause(node);
  return why ? told(why) : null;
}

/** The cause alone: whose it is, and in which state, is seen. */
function cause(node) {
  const ill = moodOf(node) === "unready" && node.why.find((text) => UNREADY.test(text));
  return ill ? ill.replace(UNREADY, "") : node.why[0]?.replace(/^.*? because /s, "");
}

function facts({ off, waits }, model) {
  const hour = now() - 3600;
  const n = restarted(model.events).filter(({ at }) => at > hour).length;
  const parts = [];
  if (off.length) parts.push(t("head.off", { n: off.length }));
  if (waits.length) parts.push(t("head.waits", { n: waits.length }));
  if (n) parts.push(t(model.knownFrom > hour ? "head.restarts.least" : "head.restarts", { n }));
  if (model.about && !model.halted) parts.push(t("head.since", { span: span(now() - model.about.since) }));
  return parts.join(" · ");
}

/** Draws it; `select(path)` is called for a child that is clicked, `more()` for the rest of them. */
export function drawHeadline(model, select, more) {
  if (!model.root) return;
  const found = summary(model);
  const box = $("headline");
  const words = title(found, model.halted);
  const name = `${words} · ${model.about?.name ?? "otpsup"}`;
  if (document.title !== name) document.title = name;
  iconOf(found.kind);
  if (!box.firstChild) build(box, more);
  box.dataset.kind = found.kind;
  say(box.querySelector(".head-title"), words);
  say(box.querySelector(".head-facts"), facts(found, model));
  if (!isPressed()) drawTrouble(box, found, select); // what is below would move away from the pointer
}

function build(box, more) {
  const text = h("div", {}, h("p", { class: "head-title", "aria-live": "polite" }), h("p", { class: "head-facts" }));
  const rest = h("button", { type: "button", class: "plain rest", hidden: true, onclick: more });
  box.append(h("span", { class: "head-dot", "aria-hidden": "true" }), text, h("div", { class: "trouble" }, h("ul", {}), rest));
}

function iconOf(kind) {
  const link = document.querySelector("link[rel=icon]");
  if (link.dataset.kind !== kind) {
    link.href = icon(kind);
    link.dataset.kind = kind;
  }
}

const lines = new Map(); // by path: a button that somebody is about to press stays the same

function drawTrouble(box, { bad, shaky, unsteady, nodes }, select) {
  const all = [...bad, ...shaky];
  const shown = [...all, ...lingering(all, nodes)].slice(0, SHOWN);
  for (const node of shown) fill(lineOf(node.path, select), node, shaky.includes(node), unsteady.get(node.path));
  for (const node of all.slice(0, SHOWN)) lines.get(node.path).seen = performance.now();
  const list = box.querySelector(".trouble ul");
  const items = shown.map((node) => lines.get(node.path).item);
  const hadFocus = list.contains(document.activeElement);
  arrange(list, items);
  if (hadFocus && !list.contains(document.activeElement)) (list.querySelector("button") ?? $("tree")).focus();
  for (const path of lines.keys()) if (!shown.some((node) => node.path === path)) lines.delete(path);
  const rest = box.querySelector(".trouble .rest");
  rest.hidden = all.length <= SHOWN;
  say(rest, rest.hidden ? "" : t("head.more", { n: all.length - SHOWN }));
}

/** Those that were in trouble a moment ago. */
function lingering(all, nodes) {
  const isOver = (path) => !all.some((node) => node.path === path);
  const recent = [...lines].filter(([path, { seen }]) => isOver(path) && performance.now() - seen < LINGERS);
  return recent.map(([path]) => nodes.get(path)).filter(Boolean);
}

function lineOf(path, select) {
  if (!lines.has(path)) {
    const [sign, name, mood, why] = [h("span", { class: "sign" }), h("strong", {}), h("span", { class: "mood" }), h("span", { class: "why" })];
    const button = h("button", { type: "button", class: "plain", onclick: () => select(path) }, sign, h("span", {}, name, h("wbr", {}), mood, h("wbr", {}), why));
    lines.set(path, { item: h("li", {}, button), sign, name, mood, why });
  }
  return lines.get(path);
}

function fill({ sign, name, mood, why }, node, isShaky, times) {
  const shown = isShaky ? "unsteady" : moodOf(node);
  if (sign.dataset.mood !== shown) {
    sign.dataset.mood = shown;
    sign.replaceChildren(mark(shown));
  }
  if (name.textContent !== (node.path || node.name)) name.replaceChildren(...named(node.path || node.name));
  say(mood, times ? t("head.times", { n: times.n, span: span(times.span) }) : t(`mood.${shown}`));
  sayParts(why, isShaky || shown === "up" ? ended(node) : reason(node));
}

// What can be looked at beside what is shown: where a child is, what if it died, who depends on whom.

import { address, get, ofChild, post, Problem } from "./api.js";
import { show } from "./dialogs.js";
import { h, hTold, say } from "./dom.js";
import { t } from "./i18n.js";
import { mark } from "./marks.js";
import { told, toldOf } from "./told.js";

const MOODS = { ends: "failed", stops: "stopping", starts: "starting", fails: "failed", waits: "restarting", "gives up": "failed", "is gone": "off" };
const MOST_STEPS = 60;

/** The stacks of a worker, as they are now; it can be asked again. */
export function showStacks(node) {
  const body = h("div", { class: "look", tabindex: "-1", "aria-live": "polite" });
  const ask = () => fill(body, async (late) => {
    const { stacks } = await post(ofChild(node.path, "stacks"), {}, late);
    return [h("pre", { class: "stack tall", tabindex: "0" }, stacks.trim()), h("button", { type: "button", onclick: ask }, t("stacks.again"))];
  });
  show(t("stacks.title", { name: node.path }), body, { wide: true });
  ask();
}

/** What would stop, start and escalate, and why. */
export function showSimulation(node) {
  const body = h("div", { class: "look", tabindex: "-1", "aria-live": "polite" });
  const times = h("input", { type: "number", min: "1", max: "50", value: "1", required: true });
  const ask = () => times.checkValidity() && fill(body, async () => {
    const { consequences } = await get("simulate", { kill: node.path, times: times.value });
    return consequences.flatMap(consequence);
  });
  times.addEventListener("change", ask);
  const field = h("label", { class: "inline" }, h("span", {}, t("simulate.times")), times);
  show(t("simulate.title", { name: node.path }), [h("p", { class: "remark" }, t("simulate.words")), field, body], { wide: true });
  ask();
}

/** The graph in its own size; a large one is better alone. */
export function showGraph() {
  const from = address("graph.svg");
  const wait = h("p", { class: "wait", role: "status" }, t("loading"));
  const picture = h("img", { src: from, alt: t("graph.title"), hidden: true, onload: () => {
    wait.remove();
    picture.hidden = false;
  }, onerror: () => whyNot(wait) });
  const sheet = h("div", { class: "graph", tabindex: "0", role: "group", "aria-label": t("graph.title") }, wait, picture);
  const alone = h("a", { href: from, target: "_blank", rel: "noopener" }, t("graph.alone"));
  show(t("graph.title"), sheet, { wide: true, more: [alone] });
}

/** A picture does not say why there is none; who asks again is told. */
async function whyNot(wait) {
  const why = await get("graph.svg").then(() => "", (error) => (error instanceof Problem ? toldOf(error).text : ""));
  wait.replaceWith(h("p", { class: "problem", role: "alert" }, t("graph.failed", { why })));
}

const turns = new WeakMap(); // by what is filled: who has asked last

/** Fills it with what is made; what was asked before comes too late. */
async function fill(body, make) {
  turns.set(body, make);
  const show = (...parts) => turns.get(body) === make && replace(body, parts);
  const wait = h("p", { class: "wait" }, t("loading"));
  show(wait);
  try {
    show(...(await make((words) => say(wait, words))));
  } catch (error) {
    const again = error.status === 0 && h("button", { type: "button", onclick: () => fill(body, make) }, t("again"));
    show(hTold("p", { class: "problem" }, toldOf(error)), again);
  }
}

/** Who has pressed what is gone now has the focus on what is there in its place. */
function replace(body, parts) {
  if (body.contains(document.activeElement)) body.focus();
  body.replaceChildren(...parts.filter(Boolean));
  if (document.activeElement === body) body.querySelector("button")?.focus();
}

function consequence({ steps, summary }, number, all) {
  const title = all.length > 1 ? [h("h3", {}, t("simulate.nth", { n: number + 1 }))] : [];
  const shown = steps.slice(0, MOST_STEPS);
  const left = steps.length - shown.length;
  return [...title,
    h("ol", { class: "steps" }, ...shown.map((each, place) => step(each, shown[place - 1]))),
    left > 0 && h("p", { class: "remark" }, t("simulate.more", { n: left })),
    hTold("p", { class: "summary" }, told(summary))].filter(Boolean);
}

/** Its reason, unless that is the one before's. */
function step({ at, path, what, why }, before) {
  const when = at >= 0.001 ? `+${at.toFixed(at < 10 ? 2 : 0)} s` : "";
  return h("li", {}, mark(MOODS[what] ?? "off"), h("strong", {}, path || "/"), hTold("span", {}, told(what, "doing")), h("span", { class: "remark" }, when),
    why !== before?.why && hTold("span", { class: "step-why" }, told(why)));
}

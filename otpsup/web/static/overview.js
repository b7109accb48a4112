// The first thing to see of a child: why it is as it is, and what it uses.

import { h, hTold, say, sayParts } from "./dom.js";
import { bytes, cores, span, t } from "./i18n.js";
import { waiting } from "./headline.js";
import { mark } from "./marks.js";
import { isSupervisor, moodOf, parentOf } from "./model.js";
import { now } from "./time.js";
import { spark } from "./sparks.js";
import { told } from "./told.js";

/** Draws only what differs from what is there. */
function redraw(box, now, make) {
  const key = JSON.stringify([now, document.documentElement.lang]);
  if (box.dataset.now === key) return;
  box.dataset.now = key;
  box.replaceChildren(...make().filter(Boolean));
}

function section(title, ...parts) {
  return h("section", { class: "part" }, h("h3", {}, title), ...parts);
}

/** Why it is as it is, in words. */
export function drawWhy(box, node) {
  // The sentences end with what it wrote last, which is shown apart.
  const cut = node.why.findIndex((text) => /, it wrote:$/.test(text));
  // When it is tried next is told below, and counts down there.
  const why = (cut < 0 ? node.why : node.why.slice(0, cut)).map((text) => text.replace(/; next attempt in [\d.]+ \w+$/, ""));
  const next = waiting(node);
  redraw(box, [why, node.last_exit, next !== null], () => [
    section(t("detail.why"), h("ol", { class: "why-list" }, ...why.map((text) => hTold("li", {}, told(text)))),
      next && h("p", { class: "next" }),
      node.last_exit && h("p", { class: "exit" }, `${t("detail.exit")} `, hTold("strong", {}, told(node.last_exit)))),
  ]);
  if (next) sayParts(box.querySelector(".next"), [next]); // it counts down, and the rest stays selected
}

/** What it wrote before it crashed last, and where it was. */
export function drawOutput(box, node, events) {
  const trace = events.findLast((event) => event.path === node.path && event.traceback)?.traceback ?? "";
  const output = node.last_output ?? [];
  redraw(box, [output, trace], () => [
    output.length > 0 && section(t("detail.output"), h("pre", { class: "stack", tabindex: "0" }, output.join("\n"))),
    trace && section(t("detail.traceback"), h("pre", { class: "stack", tabindex: "0" }, trace)),
  ]);
}

/** What it has and uses now, its checks, who depends on whom, its spec: each drawn anew only if it is
 * another, so that what is selected or has the focus stays so. */
export function drawFacts(box, node, { model, info, select }) {
  if (!box.firstChild) box.append(...["now", "charts", "checks", "around", "spec"].map((name) => h("div", { "data-part": name })));
  const [now, usage, checks, near, declared] = box.children;
  const measured = model.statistics.get(node.path);
  const history = measured?.history;
  drawNow(now, node, measured, info);
  const isUp = node.pid !== null;
  const last = history?.at(-1)?.[0] ?? null;
  const isOwn = isUp && last >= (measured?.started_at ?? Infinity); // not of a process that was before
  redraw(usage, [last, isUp, isOwn], () => [history && charts(history, isUp, isOwn)]);
  redraw(checks, info?.checks ?? [], () => [info?.checks?.length && section(t("detail.checks"), h("ul", { class: "checks" }, ...info.checks.map(check)))]);
  const links = around(node, info, model);
  redraw(near, links.map(([name, nodes]) => [name, nodes.map((each) => each.path)]), () =>
    links.map(([name, nodes]) => section(t(name), h("p", { class: "links" }, ...nodes.map((each) => link(each.path, select))))));
  const all = near.querySelectorAll(".chip");
  links.flatMap(([, nodes]) => nodes).forEach((each, place) => drawLink(all[place], each));
  redraw(declared, info?.spec ?? null, () => [info?.spec && spec(info.spec, declared)]);
}

function drawNow(box, node, measured, info) {
  const rows = factsOf(node, measured, info);
  const { used, intensity, period } = (isSupervisor(node) && measured) || {};
  redraw(box, [rows.map(([name]) => name), Boolean(intensity)], () => [section(t("detail.facts"),
    h("dl", { class: "facts" }, ...rows.map(([name]) => h("div", {}, h("dt", {}, t(name)), h("dd", {})))),
    intensity && h("p", { class: "remark window" }))]);
  rows.forEach(([, value], place) => say(box.querySelectorAll("dd")[place], String(value)));
  if (intensity) say(box.querySelector(".window"), t("detail.window", { used, intensity, period: span(period) }));
}

/** `[name, value]` of each that there is. */
function factsOf(node, measured, info) {
  const isUp = node.pid !== null;
  const rows = [
    ["fact.pid", node.pid],
    [moodOf(node) === "up" ? "fact.uptime" : "fact.since", span(now() - node.since)],
    ["fact.restarts", node.restarts],
    ["fact.says", node.status && told(node.status, "status").text],
    ["fact.memory", isUp && measured?.memory ? bytes(measured.memory) : null],
    ["fact.start", measured?.start_seconds != null ? `${measured.start_seconds.toFixed(2)} s` : null],
    ["fact.processes", isUp ? measured?.processes || null : null],
    ["fact.threads", isUp ? measured?.threads || null : null],
    ["fact.descriptors", isUp ? measured?.descriptors || null : null],
    ["fact.ends", info?.monitored === false ? t("fact.alone") : null],
  ];
  return rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
}

function charts(history, isUp, isOwn) {
  if (history.length < 2) return isUp && h("p", { class: "remark" }, t("spark.wait"));
  const of = (name, values, least, inWords) => {
    const now = isOwn ? inWords(values.at(-1)) : "–";
    const most = inWords(Math.max(...values));
    return h("figure", { class: `chart ${name}` },
      h("figcaption", {}, h("span", {}, t(`fact.${name}`)), h("strong", {}, now), h("span", { class: "remark" }, t("spark.most", { most }))),
      spark(values, { width: 240, height: 48, least, label: t(`spark.${name}`, { now, most }) }));
  };
  return h("div", { class: "charts" },
    of("cpu", history.map(([, cpu]) => cpu), 0.01, cores),
    of("memory", history.map(([, , memory]) => memory), 1, bytes));
}

function check({ purpose, what, is_well, looks, failures, said }) {
  const mood = is_well === null ? "starting" : is_well ? "up" : "failed";
  const words = is_well === null ? "check.unknown" : is_well ? "check.well" : "check.ill";
  return h("li", {}, mark(mood), h("span", {}, hTold("strong", {}, told(`${purpose}: ${what}`, "check")), ` ${t(words)} `,
    h("span", { class: "remark" }, t("check.looks", { looks, failures })), said && hTold("span", { class: "problem" }, told(said))));
}

/** What it depends on, and who depends on it. */
function around(node, info, model) {
  const needed = (info?.needed_by ?? []).map((path) => model.nodes.get(path)).filter(Boolean);
  return [["detail.depends", dependencies(node, info, model)], ["detail.needed", needed]].filter(([, nodes]) => nodes.length);
}

function dependencies(node, info, model) {
  const after = [info?.spec?.after ?? []].flat().map((each) => (typeof each === "string" ? each : Object.values(each)[0]));
  const siblings = model.nodes.get(parentOf(node.path))?.children ?? [];
  const isOne = (name, sibling) => sibling.name === name || (sibling.name.startsWith(`${name}-`) && /^\d+$/.test(sibling.name.slice(name.length + 1)));
  return siblings.filter((sibling) => sibling !== node && after.some((name) => isOne(name, sibling)));
}

function link(path, select) {
  return h("button", { type: "button", class: "chip", onclick: () => select(path) }, h("span", { class: "sign" }), h("span", {}), h("span", { class: "unseen" }));
}

/** How the other one is, in the button that leads to it. */
function drawLink({ dataset, children: [sign, name, words] }, node) {
  const mood = moodOf(node);
  say(name, node.name);
  say(words, ` ${t(`mood.${mood}`)}`);
  if (dataset.mood === mood) return;
  dataset.mood = mood;
  sign.replaceChildren(mark(mood));
}

function spec(given, box) {
  const wasOpen = box.querySelector("details.spec")?.open ?? false;
  const rows = Object.entries(given).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, shown(value))));
  return h("details", { class: "spec part", open: wasOpen }, h("summary", {}, t("detail.spec")), h("dl", { class: "spec-list", lang: "en" }, ...rows));
}

function shown(value) {
  if (Array.isArray(value) && value.every((each) => typeof each !== "object")) return value.join(" ");
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

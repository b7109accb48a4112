// What can be done, who may do it, and the way from the question to how it ended.

import { may, ofChild, post } from "./api.js";
import { confirm } from "./dialogs.js";
import { h } from "./dom.js";
import { has, t } from "./i18n.js";
import { showSimulation, showStacks } from "./looks.js";
import { isSupervisor, moodOf } from "./model.js";
import { toast } from "./toasts.js";

const SIGNALS = ["HUP", "INT", "TERM", "KILL", "QUIT", "USR1", "USR2", "CONT", "STOP"];
const COPY = /-\d+$/;

const isUp = (node) => node.pid !== null;
const isRoot = (node) => node.path === "";
const isDown = (node) => moodOf(node) === "off" || moodOf(node) === "failed";

/** Each with the role that it needs, and whether it makes sense for a node. */
const OF_CHILD = {
  start: { role: "operate", when: (node) => isDown(node) && !isRoot(node) },
  restart: { role: "operate", when: (node) => !isDown(node) && !isRoot(node) },
  stop: { role: "operate", danger: true, when: (node) => !isDown(node) && !isRoot(node) },
  roll: { role: "operate", when: (node) => COPY.test(node.name) || node.children.length > 1, target: (path) => path.replace(COPY, "") },
  stacks: { role: "operate", when: (node) => isUp(node) && node.type === "worker", look: showStacks },
  simulate: { role: "view", when: (node) => isUp(node) && !isSupervisor(node), look: showSimulation },
  signal: { role: "operate", when: isUp, fields: () => [choice("signal", SIGNALS)] },
  scale: { role: "operate", when: (node) => COPY.test(node.name), target: (path) => path.replace(COPY, ""), fields: (node, model) => [number("count", copies(node, model))] },
  stdin: { role: "admin", when: (node, info) => isUp(node) && info?.spec?.stdin, fields: () => [line("text")], body: ({ text }) => ({ text: `${text}\n` }) },
  unmonitor: { role: "operate", when: (node) => isUp(node) && !isSupervisor(node) },
  monitor: { role: "operate", when: (node) => isUp(node) && !isSupervisor(node) },
  remove: { role: "admin", danger: true, when: (node) => !isDown(node) && !isRoot(node) },
  delete: { role: "admin", danger: true, when: (node) => isDown(node) && !isRoot(node) },
};
const FIRST = ["start", "restart", "stop"];

const OF_TREE = {
  add: { role: "admin", path: () => "children", fields: () => [area("text")], body: ({ text }) => ({ text, parent: "" }) },
  "reopen-logs": { role: "operate", path: () => "reopen-logs" },
  shutdown: { role: "admin", danger: true, path: () => "shutdown" },
};

function copies(node, model) {
  const stem = node.path.replace(COPY, "");
  return [...model.nodes.keys()].filter((path) => path.replace(COPY, "") === stem && COPY.test(path)).length;
}

const field = (name, input) => h("label", {}, h("span", {}, t(`field.${name}`)), input);
const choice = (name, values) => field(name, h("select", { name }, ...values.map((value) => h("option", {}, value))));
const number = (name, value) => field(name, h("input", { name, type: "number", min: "0", max: "9999", value, required: true, autofocus: true }));
const line = (name) => field(name, h("input", { name, autocomplete: "off", autofocus: true }));
const area = (name) => field(name, h("textarea", { name, rows: "7", spellcheck: "false", required: true, autofocus: true, placeholder: "children:\n  web: {command: python3 -m http.server 8080}" }));

/** The verbs for a node that the role allows: `{first, more}`. */
export function verbsFor(node, info) {
  const verbs = Object.keys(OF_CHILD).filter((verb) => may(OF_CHILD[verb].role) && OF_CHILD[verb].when(node, info));
  return { first: verbs.filter((verb) => FIRST.includes(verb)), more: verbs.filter((verb) => !FIRST.includes(verb)) };
}

export function verbsForTree() {
  return Object.keys(OF_TREE).filter((verb) => may(OF_TREE[verb].role));
}

/** Asks, does it, and tells how it ended. Returns whether it was done. */
export async function act(verb, node, model) {
  const what = OF_CHILD[verb];
  if (what.look) return what.look(node);
  const path = what.target ? what.target(node.path) : node.path;
  return carryOut(verb, path, what, ofChild(path, verb), what.fields?.(node, model));
}

export async function actOnTree(verb, name) {
  const what = OF_TREE[verb];
  return carryOut(verb, name, what, what.path(), what.fields?.());
}

async function carryOut(verb, name, what, path, fields) {
  const title = t(`ask.${verb}`, { name });
  const yes = t(`do.${verb}`).replace(/ ?(…+)$/, "");
  const answer = await confirm(title, t(`words.${verb}`), yes, { danger: what.danger, fields });
  if (answer === null) return false;
  const told = toast(words("doing", verb, name));
  try {
    await post(path, bodyOf(what, answer));
    told.done(words("done", verb, name));
    return true;
  } catch (error) {
    told.failed(t("failed.other", { what: yes, name, why: error.message }));
    return false;
  }
}

function bodyOf(what, answer) {
  if (what.body) return what.body(answer);
  return "count" in answer ? { count: Number(answer.count) } : answer;
}

function words(when, verb, name) {
  const key = `${when}.${verb}`;
  if (has(key)) return t(key, { name });
  return t(`${when}.other`, { what: t(`do.${verb}`).replace(/ ?(…+)$/, ""), name });
}

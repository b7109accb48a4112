// What can be done, who may do it, and the way from the question to how it ended.

import { get, may, ofChild, post } from "./api.js";
import { ask } from "./dialogs.js";
import { h } from "./dom.js";
import { has, t } from "./i18n.js";
import { showSimulation, showStacks } from "./looks.js";
import { isSupervisor } from "./model.js";
import { toast } from "./toasts.js";
import { toldOf } from "./told.js";

const SIGNALS = ["HUP", "INT", "TERM", "KILL", "QUIT", "USR1", "USR2", "CONT", "STOP"];
const SHOWN = 8; // names in a question

const isUp = (node) => node.pid !== null;
const isRoot = (node) => node.path === "";
const isDown = (node) => node.state === "down";
const isOne = (node) => isUp(node) && !isSupervisor(node);

/** Each with the role that it needs, and whether it makes sense for a node. `info` is what comes with
 * no event, see `GET children/{path}`; null as long as it is not known. */
const OF_CHILD = {
  start: { role: "operate", when: (node) => isDown(node) && !isRoot(node) },
  restart: { role: "operate", takes: "restarts", when: (node) => !isDown(node) && !isRoot(node) },
  stop: { role: "operate", danger: true, takes: "stops", undo: "start", when: (node) => !isDown(node) && !isRoot(node) },
  roll: { role: "operate", when: (node, info) => info?.copy_of || node.children.length > 1, target: (node, info) => info?.copy_of ?? node.path },
  stacks: { role: "operate", when: (node) => isUp(node) && node.type === "worker", look: showStacks },
  simulate: { role: "view", when: isOne, look: showSimulation },
  signal: { role: "operate", when: isUp, fields: () => [choice("signal", SIGNALS)] },
  scale: { role: "operate", when: (node, info) => info?.copy_of, target: (node, info) => info.copy_of, fields: (node, model, info) => [number("count", copies(info.copy_of, model))] },
  stdin: { role: "admin", when: (node, info) => isUp(node) && info?.spec?.stdin, fields: () => [line("text")], body: ({ text }) => ({ text: `${text}\n` }) },
  unmonitor: { role: "operate", when: (node, info) => isOne(node) && info?.monitored === true },
  monitor: { role: "operate", when: (node, info) => isOne(node) && info?.monitored === false },
  remove: { role: "admin", danger: true, takes: "stops", when: (node) => !isDown(node) && !isRoot(node) },
  delete: { role: "admin", danger: true, takes: "forgets", when: (node) => isDown(node) && !isRoot(node) },
};
/** All, in the order in which they are shown. */
export const VERBS = Object.keys(OF_CHILD);
const FIRST = ["start", "restart", "stop"];

const OF_TREE = {
  add: { role: "admin", path: "children", fields: () => [area("text")], body: ({ text }) => ({ text, parent: "" }) },
  "reopen-logs": { role: "operate", path: "reopen-logs" },
  shutdown: { role: "admin", danger: true, takes: "stops", path: "shutdown", fields: (node, model) => [same("name", model.about.name)], body: () => ({}) },
};

/** How many children there are of which these are copies. */
function copies(of, model) {
  return [...model.nodes.keys()].filter((path) => path.startsWith(`${of}-`) && /^\d+$/.test(path.slice(of.length + 1))).length;
}

const field = (name, input, values) => h("label", {}, h("span", {}, t(`field.${name}`, values)), input);
const choice = (name, values) => field(name, h("select", { name, autofocus: true }, ...values.map((value) => h("option", {}, value))));
const number = (name, value) => field(name, h("input", { name, type: "number", min: "0", max: "9999", value, required: true, autofocus: true }));
const line = (name) => field(name, h("input", { name, autocomplete: "off", autofocus: true }));
const area = (name) => field(name, h("textarea", { name, rows: "7", spellcheck: "false", required: true, autofocus: true, placeholder: "children:\n  web: {command: python3 -m http.server 8080}" }));

/** Asks for this very text: nobody types it by mistake. */
function same(name, value) {
  const input = h("input", { name, autocomplete: "off", spellcheck: "false", required: true, autofocus: true });
  const check = () => input.setCustomValidity(input.value === value ? "" : t("field.same", { name: value }));
  input.addEventListener("input", check);
  check();
  return field(name, input, { name: value });
}

/** The verbs for a node that the role allows: `{first, more}`. */
export function verbsFor(node, info) {
  const verbs = VERBS.filter((verb) => may(OF_CHILD[verb].role) && OF_CHILD[verb].when(node, info));
  return { first: verbs.filter((verb) => FIRST.includes(verb)), more: verbs.filter((verb) => !FIRST.includes(verb)) };
}

export function verbsForTree() {
  return Object.keys(OF_TREE).filter((verb) => may(OF_TREE[verb].role));
}

/** Asks, does it, and tells how it ended. Returns whether it was done. */
export async function act(verb, node, model, known) {
  const what = OF_CHILD[verb];
  if (what.look) return what.look(node);
  const info = known ?? (await get(ofChild(node.path)).catch(() => null));
  const path = what.target ? what.target(node, info) : node.path;
  const undo = what.undo && (() => carryOut({ verb: what.undo, name: path, path: ofChild(path, what.undo), what: OF_CHILD[what.undo] }, {}));
  return question({ verb, name: path, path: ofChild(path, verb), what, undo }, { node, model, info });
}

export function actOnTree(verb, model) {
  const what = OF_TREE[verb];
  return question({ verb, name: model.about.name, path: what.path, what }, { node: model.root, model, info: null });
}

function question(deed, { node, model, info }) {
  const { verb, name, what } = deed;
  const words = [...(what.takes ? consequences(what.takes, node, info) : []), t(`words.${verb}`)];
  const fields = what.fields?.(node, model, info) ?? [];
  return ask(t(`ask.${verb}`, { name }), words, plainly(verb), (answer, late) => carryOut(deed, answer, late), { danger: what.danger, fields });
}

/** What else it takes along. */
function consequences(takes, node, info) {
  const below = within(node).filter((each) => takes === "forgets" || !isDown(each));
  const needed = (info?.needed_by ?? []).map(lastName);
  return [
    below.length > 0 && t(`takes.${takes}`, { n: below.length, names: listed(below.map((each) => each.name)) }),
    needed.length > 0 && t("takes.needed", { n: needed.length, names: listed(needed) }),
  ].filter(Boolean);
}

const lastName = (path) => path.slice(path.lastIndexOf("/") + 1);

/** The processes below a node. */
function within(node) {
  return node.children.flatMap((child) => (isSupervisor(child) ? within(child) : [child]));
}

/** Names in few words: `api, jobs-1…3`. */
export function listed(names) {
  const runs = [];
  for (const name of names) {
    const [, stem, number] = name.match(/^(.*-)(\d+)$/) ?? [null, name, null];
    const run = runs.at(-1);
    if (number !== null && run?.stem === stem && run.last + 1 === Number(number)) run.last += 1;
    else runs.push({ stem, name, first: number && Number(number), last: Number(number) });
  }
  const told = runs.map(({ name, first, last }) => (first !== null && last > first ? `${name}…${last}` : name));
  const rest = told.length - SHOWN;
  return [...told.slice(0, SHOWN), ...(rest > 0 ? ["…"] : [])].join(t("comma"));
}

/** Does it, and tells how it goes; what fails of a form that is still open is told there, and
 * `form(words)` is called while there is no answer. */
async function carryOut({ verb, name, path, what, undo }, answer, form = null) {
  const told = form ? null : toast(words("doing", verb, name));
  const late = form ?? ((why) => told.goes(`${words("doing", verb, name)} ${why}`));
  try {
    await post(path, bodyOf(what, answer), late);
    (told ?? toast("")).done(words("done", verb, name), undo);
    return true;
  } catch (error) {
    if (form) throw error;
    told.failed(t(error.status === 0 ? "failed.unknown" : "failed.other", { what: plainly(verb), name, why: toldOf(error).text }));
    return false;
  }
}

function bodyOf(what, answer) {
  if (what.body) return what.body(answer);
  return "count" in answer ? { count: Number(answer.count) } : answer;
}

/** A verb without the dots that say that there is more to say. */
const plainly = (verb) => t(`do.${verb}`).replace(/ ?…$/, "");

function words(when, verb, name) {
  const key = `${when}.${verb}`;
  return has(key) ? t(key, { name }) : t(`${when}.other`, { what: plainly(verb), name });
}

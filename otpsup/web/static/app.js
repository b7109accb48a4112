// Puts the parts together.

import { actOnTree, verbsForTree } from "./actions.js";
import { askWho, onWho, Problem, session, signOut } from "./api.js";
import { Chips } from "./chips.js";
import { answered, beginConnection, broken, connection, halted, isLive, waited } from "./connection.js";
import { Detail } from "./detail.js";
import { dialog } from "./dialogs.js";
import { $, h, oncePerFrame, say, sometimes } from "./dom.js";
import { drawHeadline } from "./headline.js";
import { clock, current, onLanguage, setLanguage, t, translate } from "./i18n.js";
import { beginKeys, showKeys } from "./keys.js";
import { Live } from "./live.js";
import { signedIn, signInAgain } from "./login.js";
import { showGraph } from "./looks.js";
import { Model, TROUBLE } from "./model.js";
import { TimeLine } from "./past.js";
import { openPlan } from "./plan.js";
import { back, beginRouter, went } from "./router.js";
import { isStartedAgain } from "./run.js";
import { beginTheme } from "./theme.js";
import { toast } from "./toasts.js";
import { toldOf } from "./told.js";
import { Tree } from "./tree.js";
import { beginWho, whoLine } from "./who.js";

const LONGEST_PAUSE = 30_000; // ms between attempts to read the tree at the start
const model = new Model();
const moods = new Set();

translate();
beginTheme();
$("language").addEventListener("click", () => setLanguage(current() === "en" ? "zh" : "en"));
nameLanguage();
onLanguage(nameLanguage);
main().catch((error) => {
  broken(error.message);
  throw error;
});

function nameLanguage() {
  $("language").textContent = current() === "en" ? "中文" : "EN";
  $("language").lang = current() === "en" ? "zh-CN" : "en";
}

async function main() {
  let detail = null;
  beginConnection(() => {
    detail?.connected(isLive());
    $("plan").disabled = !isLive();
    for (const each of document.querySelectorAll("dialog [data-verb]")) each.disabled = !isLive();
  });
  await signedIn(untilRead);
  const live = new Live(model, heard);
  detail = new Detail(model, { select: (path) => tree.select(path), back, refresh: (path) => refresh(live, path) });
  const tree = new Tree(model, (path, byHand) => {
    detail.open(path);
    went(path, byHand);
  });
  onWho(() => detail.draw());
  model.addEventListener("tree", drawHead(tree));
  model.addEventListener("past", drawPast(tree));
  model.addEventListener("halt", () => halted(model.halted.reason));
  await untilRead(() => live.begin());
  $("main").hidden = false;
  if (isStartedAgain(model.about)) toast("").told(t("run.again", { at: clock(model.about.since) }));
  say($("name"), model.about.name);
  beginTools(live, tree);
  beginKeys({ tree, detail, back, clear: () => clear(tree) });
  beginRouter((path, byHand) => model.nodes.has(path) && tree.select(path, { byHand }));
}

/** A stream ends when the role of who listens becomes a lower one; he may listen again with that. */
function heard(state, why) {
  connection(state, why);
  if (state === "live") askWho().catch(() => {}); // what fails now is said of the stream
}

/** Does it as often as it takes; says why it is not done, and when it is tried again. */
async function untilRead(work) {
  for (let pause = 2_000; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      await work();
      return answered();
    } catch (error) {
      if (error.status === 401) return signInAgain();
      if (!(error instanceof Problem)) throw error;
      await waited(error.message, pause);
    }
  }
}

function refresh(live, path) {
  live.refresh(path);
  live.refresh();
}

function drawHead(tree) {
  const chips = new Chips($("chips"), (mood) => toggle(mood, tree));
  const draw = oncePerFrame(() => {
    drawHeadline(model, (path) => tree.select(path), () => showTrouble(tree));
    chips.draw(model.leaves(), moods);
  });
  setInterval(draw, 1000);
  onLanguage(() => {
    draw();
    tree.draw();
  });
  return draw;
}

function drawPast(tree) {
  const line = new TimeLine((path) => tree.select(path));
  $("past").append(line.element);
  const draw = sometimes(() => line.draw(model.events, model.from), 400);
  setInterval(draw, 5000);
  onLanguage(draw);
  return draw;
}

function toggle(mood, tree) {
  if (!moods.delete(mood)) moods.add(mood);
  filter(tree);
  model.changed();
}

/** Only what is in trouble. */
function showTrouble(tree) {
  moods.clear();
  TROUBLE.forEach((mood) => moods.add(mood));
  filter(tree);
  model.changed();
}

function clear(tree) {
  $("filter").value = "";
  moods.clear();
  filter(tree);
  model.changed();
}

function filter(tree) {
  tree.filter($("filter").value.trim(), moods);
  announce(tree);
}

/** Says how many rows are left, once nobody types any more. */
function announce(tree) {
  clearTimeout(announce.later);
  announce.later = setTimeout(() => say($("hits"), tree.isFiltered ? t("filter.hits", { n: tree.listed?.length ?? 0 }) : ""), 500);
}

function beginTools(live, tree) {
  $("filter").addEventListener("input", () => filter(tree));
  $("plan").hidden = !model.about.file;
  $("plan").addEventListener("click", () => openPlan(() => live.refresh()));
  $("graph").hidden = $("help").hidden = $("more").hidden = false;
  $("graph").addEventListener("click", showGraph);
  $("more").addEventListener("click", () => openMore(live));
  beginWho();
  $("leave").addEventListener("click", leave);
}

async function leave() {
  try {
    await signOut();
    location.reload();
  } catch (error) {
    toast("").failed(toldOf(error).text);
  }
}

/** What can be done with the tree; and the rest of the bar, which a phone has no room for. */
function openMore(live) {
  const button = (words, go, more = {}) => h("button", { type: "button", ...more, onclick: () => {
    box.close();
    go();
  } }, t(words));
  const act = async (verb) => (await actOnTree(verb, model)) && live.refresh();
  const verbs = verbsForTree().map((verb) => button(`do.${verb}`, () => act(verb), { "data-verb": verb, class: verb === "shutdown" ? "danger" : "", disabled: !isLive() }));
  const look = (words, go) => button(words, go, { "data-look": words });
  const looks = [look("graph.open", showGraph), look("keys.title", showKeys), whoLine(), session.csrf && look("leave", leave)];
  const close = h("button", { type: "button", class: "quiet", onclick: () => box.close() }, t("cancel"));
  const box = dialog(t(verbs.length ? "tree.actions" : "tree.more"), h("div", { class: "stacked" }, ...verbs, verbs.length > 0 && h("hr", {}), ...looks), [close]);
}

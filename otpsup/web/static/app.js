// Puts the parts together.

import { actOnTree, verbsForTree } from "./actions.js";
import { address, may, session, signOut } from "./api.js";
import { Detail } from "./detail.js";
import { dialog, show } from "./dialogs.js";
import { $, h, oncePerFrame, say, sometimes } from "./dom.js";
import { drawHeadline } from "./headline.js";
import { current, onLanguage, setLanguage, span, t, translate } from "./i18n.js";
import { beginKeys } from "./keys.js";
import { Live } from "./live.js";
import { signedIn } from "./login.js";
import { mark } from "./marks.js";
import { Model, moodOf, MOODS } from "./model.js";
import { timeLine } from "./past.js";
import { openPlan } from "./plan.js";
import { beginTheme } from "./theme.js";
import { Tree } from "./tree.js";

const model = new Model();
const moods = new Set();
let lostAt = null;

translate();
beginTheme();
$("language").addEventListener("click", () => setLanguage(current() === "en" ? "zh" : "en"));
nameLanguage();
onLanguage(nameLanguage);
main().catch((error) => {
  $("lost").hidden = false;
  $("lost").textContent = error.message;
});

function nameLanguage() {
  $("language").textContent = current() === "en" ? "中文" : "EN";
  $("language").lang = current() === "en" ? "zh-CN" : "en";
}

async function main() {
  await signedIn();
  linkIs("connecting");
  const live = new Live(model, connection);
  const detail = new Detail(model, { select: (path) => tree.select(path), back, refresh: (path) => refresh(live, path) });
  const tree = new Tree(model, (path, byHand) => {
    detail.open(path);
    if (byHand) document.body.dataset.view = "detail";
    if (byHand && matchMedia("(max-width: 900px)").matches) $("detail").focus(); // it covers the tree
    history.replaceState(null, "", `#${path.split("/").map(encodeURIComponent).join("/")}`);
  });
  model.addEventListener("tree", drawHead(tree));
  model.addEventListener("past", drawPast(tree));
  model.addEventListener("halt", halted);
  setInterval(() => lostAt && sayLost(), 1000);
  await live.begin();
  $("main").hidden = false;
  $("name").textContent = model.about.name;
  beginTools(live, tree);
  beginKeys({ tree, detail, back, clear: () => clear(tree) });
  const asked = location.hash.slice(1).split("/").map(decodeURIComponent).join("/");
  if (asked && model.nodes.has(asked)) tree.select(asked);
}

function refresh(live, path) {
  live.refresh(path);
  live.refresh();
}

function drawHead(tree) {
  const draw = oncePerFrame(() => {
    drawHeadline(model, (path) => tree.select(path));
    drawChips(tree);
  });
  setInterval(draw, 1000);
  onLanguage(() => {
    draw();
    tree.draw();
  });
  return draw;
}

function drawPast(tree) {
  const draw = sometimes(() => $("past").replaceChildren(timeLine(model.events, (path) => tree.select(path))), 400);
  setInterval(draw, 5000);
  onLanguage(draw);
  return draw;
}

/** How many there are of each mood; pressed, only those are shown. */
function drawChips(tree) {
  const counts = new Map();
  for (const node of model.leaves()) counts.set(moodOf(node), (counts.get(moodOf(node)) ?? 0) + 1);
  const shown = MOODS.filter((mood) => counts.get(mood) || moods.has(mood));
  const now = JSON.stringify([shown.map((mood) => [mood, counts.get(mood)]), [...moods], current()]);
  if ($("chips").dataset.now === now) return;
  $("chips").dataset.now = now;
  const focused = document.activeElement?.dataset?.mood;
  $("chips").replaceChildren(...shown.map((mood) => h("button", {
    type: "button", class: "chip", "aria-pressed": String(moods.has(mood)), "data-mood": mood, onclick: () => toggle(mood, tree),
  }, mark(mood), h("span", {}, t(`mood.${mood}`)), h("b", {}, String(counts.get(mood) ?? 0)))));
  if (focused) $("chips").querySelector(`[data-mood=${focused}]`)?.focus();
}

function toggle(mood, tree) {
  if (!moods.delete(mood)) moods.add(mood);
  tree.filter($("filter").value, moods);
  model.changed();
}

function clear(tree) {
  $("filter").value = "";
  moods.clear();
  tree.filter("", moods);
  model.changed();
}

function beginTools(live, tree) {
  $("filter").addEventListener("input", () => tree.filter($("filter").value.trim(), moods));
  $("plan").hidden = !model.about.file;
  $("plan").addEventListener("click", () => openPlan(() => live.refresh()));
  $("graph").hidden = $("help").hidden = false;
  $("graph").addEventListener("click", () => show(t("graph.title"), h("img", { class: "graph", src: address("graph.svg"), alt: t("graph.title") }), { wide: true }));
  $("more").hidden = !may("operate");
  $("more").addEventListener("click", () => openVerbs(live));
  $("leave").hidden = !session.csrf;
  $("leave").addEventListener("click", async () => {
    await signOut();
    location.reload();
  });
}

function openVerbs(live) {
  const go = async (verb) => {
    box.close();
    if (await actOnTree(verb, model.about.name)) live.refresh();
  };
  const buttons = verbsForTree().map((verb) => h("button", { type: "button", class: verb === "shutdown" ? "danger" : "", "data-verb": verb, onclick: () => go(verb) }, t(`do.${verb}`)));
  const close = h("button", { type: "button", class: "quiet", onclick: () => box.close() }, t("cancel"));
  const box = dialog(t("tree.actions"), h("div", { class: "stacked" }, ...buttons), [close]);
}

function back() {
  if (document.body.dataset.view === "detail") delete document.body.dataset.view;
  $("tree").focus();
}

function connection(state, detail) {
  if (state === "refused" && detail.status === 401) return location.reload();
  if (model.halted) return halted();
  lostAt = state === "live" ? null : (lostAt ?? Date.now());
  linkIs(state === "live" ? "live" : "lost");
  if (state === "refused") say($("lost"), detail.message);
  else sayLost();
}

function halted() {
  linkIs("lost");
  lostAt = null;
  $("lost").hidden = false;
  say($("lost"), t("halted", { reason: model.halted.reason }));
}

function linkIs(state) {
  $("link").dataset.state = state;
  say($("link"), t(`link.${state}`));
}

function sayLost() {
  document.body.classList.toggle("stale", lostAt !== null);
  $("lost").hidden = lostAt === null;
  if (lostAt !== null) say($("lost"), t("lost", { ago: span((Date.now() - lostAt) / 1000) }));
}
onLanguage(() => $("link").dataset.state && linkIs($("link").dataset.state));

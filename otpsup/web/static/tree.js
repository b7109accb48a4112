// The tree: only the rows that can be seen are there, whatever its size.

import { $, h, oncePerFrame, say, sayParts } from "./dom.js";
import { bytes, fullTime, span, t } from "./i18n.js";
import { mark } from "./marks.js";
import { isSupervisor, moodOf, parentOf, TROUBLE } from "./model.js";
import { reason } from "./headline.js";
import { spark } from "./sparks.js";
import { now } from "./time.js";
import { own, told } from "./told.js";

const BEYOND = 8; // rows above and below
const FOLD_AT = 300; // children of one supervisor: more begin folded

export class Tree {
  /** `onselect(path, byHand)` is called when another row is current. */
  constructor(model, onselect) {
    this.model = model;
    this.onselect = onselect;
    this.box = $("tree");
    this.space = h("div", { class: "space", role: "presentation" });
    this.box.append(this.space);
    this.rows = new Map();
    this.ids = new Map();
    this.lastId = 0;
    this.folded = new Set();
    this.met = new Set();
    this.selected = null;
    this.text = "";
    this.moods = new Set();
    this.draw = oncePerFrame(() => this.#draw());
    this.box.addEventListener("scroll", this.draw, { passive: true });
    this.box.addEventListener("click", (event) => this.#clicked(event));
    new ResizeObserver(() => this.#sized()).observe(this.box);
    this.#sized();
    model.addEventListener("tree", () => this.#changed());
    model.addEventListener("measured", this.draw);
    setInterval(this.draw, 1000);
  }

  /** Shows those whose path has this text and whose mood is one of these; all if there are none. */
  filter(text, moods) {
    this.text = text.toLowerCase();
    this.moods = moods;
    this.listed = null;
    this.box.scrollTop = 0;
    this.draw();
  }

  get isFiltered() {
    return this.text !== "" || this.moods.size > 0;
  }

  select(path, { show = true, byHand = true } = {}) {
    this.selected = path;
    for (let up = parentOf(path); up !== null; up = parentOf(up)) if (this.folded.delete(up)) this.listed = null;
    if (show) this.#reveal(path);
    this.draw();
    this.onselect(path, byHand);
  }

  /** One of the keys that a tree has; returns whether it was one. */
  key(name) {
    const list = this.#list();
    const at = list.findIndex(({ node }) => node.path === this.selected);
    const go = (index) => list[index] && this.select(list[Math.max(0, index)].node.path, { byHand: false });
    const row = list[at];
    const moves = {
      ArrowDown: () => go(Math.min(at + 1, list.length - 1)),
      ArrowUp: () => go(Math.max(at - 1, 0)),
      Home: () => go(0),
      End: () => go(list.length - 1),
      PageDown: () => go(Math.min(at + this.#page(), list.length - 1)),
      PageUp: () => go(Math.max(at - this.#page(), 0)),
      ArrowRight: () => row && (this.#isFolded(row.node) ? this.#fold(row.node, false) : row.open && go(at + 1)),
      ArrowLeft: () => row && (row.open && !this.isFiltered ? this.#fold(row.node, true) : this.#up(row.node)),
      Enter: () => row && this.onselect(row.node.path, true),
      " ": () => row && this.onselect(row.node.path, true),
    };
    if (!moves[name]) return false;
    moves[name]();
    return true;
  }

  /** The next row that is in trouble. */
  nextProblem() {
    const list = this.#list();
    const at = list.findIndex(({ node }) => node.path === this.selected);
    const order = [...list.slice(at + 1), ...list.slice(0, at + 1)];
    const found = order.find(({ node }) => TROUBLE.has(moodOf(node)));
    if (found) this.select(found.node.path, { byHand: false });
  }

  /** A row is higher on a phone; the style says how high. */
  #sized() {
    this.row = parseFloat(getComputedStyle(this.box).getPropertyValue("--row"));
    this.draw();
  }

  #page() {
    return Math.max(1, Math.floor(this.box.clientHeight / this.row) - 1);
  }

  #up(node) {
    const parent = parentOf(node.path);
    if (parent !== null) this.select(parent, { byHand: false });
  }

  #isFolded(node) {
    return !this.isFiltered && node.children.length > 0 && this.folded.has(node.path);
  }

  #fold(node, folded) {
    if (folded) this.folded.add(node.path);
    else this.folded.delete(node.path);
    this.listed = null;
    this.draw();
  }

  /** Nodes are others, or in other states. */
  #changed() {
    if (this.root !== this.model.root) this.#prune();
    if (this.root !== this.model.root || this.moods.size) this.listed = null;
    this.draw();
  }

  /** Forgets those that are gone. */
  #prune() {
    for (const known of [this.met, this.folded, this.ids]) for (const path of known.keys()) if (!this.model.nodes.has(path)) known.delete(path);
  }

  /** All rows, seen or not, from the top. */
  #list() {
    this.root = this.model.root;
    return (this.listed ??= this.#walked());
  }

  #walked() {
    const found = [];
    const walk = (node, level, at, of) => {
      this.#meet(node, level);
      const open = node.children.length > 0 && !this.#isFolded(node);
      if (!this.isFiltered || this.#matches(node)) found.push({ node, level, at, of, open });
      if (open) node.children.forEach((child, i) => walk(child, level + 1, i + 1, node.children.length));
    };
    if (this.model.root) walk(this.model.root, 1, 1, 1);
    if (this.isFiltered) found.forEach((entry, i) => Object.assign(entry, { level: 1, at: i + 1, of: found.length }));
    return found;
  }

  #meet(node, level) {
    if (this.met.has(node.path)) return;
    this.met.add(node.path);
    if (level > 1 && node.children.length > FOLD_AT) this.folded.add(node.path);
  }

  #matches(node) {
    const hasMood = this.moods.size === 0 || (!isSupervisor(node) && this.moods.has(moodOf(node)));
    return hasMood && node.path.toLowerCase().includes(this.text) && (node.path !== "" || !this.isFiltered);
  }

  #reveal(path) {
    const index = this.#list().findIndex(({ node }) => node.path === path);
    if (index < 0) return;
    const top = index * this.row;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    const bottom = top + this.row - this.box.clientHeight;
    if (bottom > this.box.scrollTop) this.box.scrollTop = bottom;
  }

  #clicked(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    const node = this.model.nodes.get(row.dataset.path);
    if (!node) return;
    if (event.target.closest(".fold") && node.children.length) this.#fold(node, !this.#isFolded(node));
    else this.select(node.path, { show: false });
  }

  #draw() {
    const list = this.#list();
    this.space.style.height = `${list.length * this.row}px`;
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.row) - BEYOND);
    const last = Math.min(list.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / this.row) + BEYOND);
    const seen = new Set();
    for (let i = first; i < last; i += 1) {
      seen.add(list[i].node.path);
      this.#place(list[i], i);
    }
    for (const [path, row] of this.rows) {
      if (seen.has(path)) continue;
      row.remove();
      this.rows.delete(path);
    }
    this.#inOrder(list.slice(first, last));
    this.#current(seen);
    this.#nothing(list);
  }

  /** They are read in the order in which they are seen. */
  #inOrder(entries) {
    entries.forEach(({ node }, at) => {
      const row = this.rows.get(node.path);
      const there = this.space.children[at];
      if (there !== row) this.space.insertBefore(row, there ?? null);
    });
  }

  #current(seen) {
    if (this.selected !== null && seen.has(this.selected)) {
      this.box.setAttribute("aria-activedescendant", this.#id(this.selected));
    } else this.box.removeAttribute("aria-activedescendant");
  }

  #nothing(list) {
    const isEmpty = this.model.root && !this.isFiltered && this.model.nodes.size === 1;
    const words = isEmpty ? t("tree.empty") : t("tree.nothing");
    $("nothing").hidden = !this.model.root || (list.length > 0 && !isEmpty);
    say($("nothing"), words);
  }

  #id(path) {
    if (!this.ids.has(path)) this.ids.set(path, `row-${(this.lastId += 1)}`);
    return this.ids.get(path);
  }

  #place(entry, index) {
    const { node } = entry;
    let row = this.rows.get(node.path);
    if (!row) {
      row = this.#made(node.path);
      this.rows.set(node.path, row);
      this.space.append(row);
    }
    const top = `translateY(${index * this.row}px)`;
    if (row.style.transform !== top) row.style.transform = top;
    fill(row, entry, this.model.statistics.get(node.path), node.path === this.selected, this.isFiltered, this.model);
  }

  #made(path) {
    return h("div", { class: "row", role: "treeitem", id: this.#id(path), "data-path": path },
      h("span", { class: "c-main" },
        h("span", { class: "c-name" }, h("span", { class: "fold" }), h("span", { class: "sign" }), h("span", { class: "name" })),
        h("span", { class: "c-note" })),
      h("span", { class: "c-spark" }), h("span", { class: "c-number c-memory" }), h("span", { class: "c-number c-pid" }),
      h("span", { class: "c-number c-for" }), h("span", { class: "c-number c-restarts" }));
  }
}

function fill(row, { node, level, at, of, open }, measured, isSelected, isFlat, model) {
  const below = isSupervisor(node) && !open && node.children.length ? model.below(node) : null;
  const mood = below?.trouble && moodOf(node) === "up" ? below.worst : moodOf(node);
  const inTrouble = below?.trouble ? t("detail.below", { n: below.trouble, all: below.all }) : "";
  const attributes = {
    "aria-level": level, "aria-posinset": at, "aria-setsize": of, "aria-selected": isSelected,
    "aria-expanded": node.children.length ? open : null, "aria-label": label(node, mood, model, inTrouble),
    "data-mood": mood, "data-below": below?.trouble ? "" : null, "data-idle": node.pid === null ? "" : null, "data-restarts": node.restarts ? "" : null, title: node.path || null,
  };
  for (const [name, value] of Object.entries(attributes)) set(row, name, value);
  const [main, chart, memory, pid, long, restarts] = row.children;
  const [name, note] = main.children;
  row.style.setProperty("--level", isFlat ? 0 : level - 1);
  if (name.children[1].dataset.mood !== mood) {
    name.children[1].dataset.mood = mood;
    name.children[1].replaceChildren(mark(mood));
  }
  drawName(name.children[2], node, isFlat, model);
  sayParts(note, inTrouble ? [own(inTrouble)] : noteOf(node, mood, open));
  const isUp = node.pid !== null;
  drawSpark(chart, isUp ? measured?.history : null);
  say(memory, isUp && measured?.memory ? bytes(measured.memory) : "");
  say(pid, node.pid ?? "");
  say(long, span(now() - node.since));
  set(long, "title", fullTime(node.since));
  say(restarts, node.restarts || "");
}

function set(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

const nameOf = (node, model) => (node.path === "" ? (model.about?.name ?? node.name) : node.name);

/** Without those above, who that is has to be told; the name comes first, for the end may be cut off. */
function drawName(box, node, isFlat, model) {
  const above = isFlat ? (parentOf(node.path) ?? "") : "";
  const name = nameOf(node, model);
  if (box.dataset.now === `${above} ${name}`) return;
  box.dataset.now = `${above} ${name}`;
  box.replaceChildren(name, ...(above ? [" ", h("span", { class: "parents" }, above)] : []));
}

/** In parts, see told.js. */
function noteOf(node, mood, open) {
  const isFolded = isSupervisor(node) && !open && node.children.length > 0;
  if (mood === "up" && node.status !== null) return [told(node.status, "status")];
  if (mood === "up") return isFolded ? [own(t("detail.children", { n: node.children.length }))] : [];
  if (mood === "off") return node.last_exit ? [told(node.last_exit)] : [];
  return reason(node);
}

function label(node, mood, model, below) {
  const parts = [nameOf(node, model), below || t(`mood.${mood}`)];
  if (node.pid !== null) parts.push(t("row.pid", { pid: node.pid }));
  if (node.restarts) parts.push(t("row.restarts", { n: node.restarts }));
  return parts.join(", ");
}

function drawSpark(cell, history) {
  const values = (history ?? []).slice(-40).map(([, cpu]) => cpu);
  const last = history?.at(-1)?.[0] ?? 0;
  const now = `${values.length} ${last}`;
  if (cell.dataset.now === now) return;
  cell.dataset.now = now;
  cell.replaceChildren(...(values.length ? [spark(values, { width: 72, height: 20, least: 0.05 })] : []));
}

// One child: how it is and why, what it uses and writes, and what can be done.

import { get, ofChild } from "./api.js";
import { act, verbsFor } from "./actions.js";
import { $, arrange, h, hTold, named, oncePerFrame, say, sometimes } from "./dom.js";
import { drawFacts, drawOutput, drawWhy } from "./overview.js";
import { clock, onLanguage, t } from "./i18n.js";
import { lastKnown } from "./connection.js";
import { Log } from "./log.js";
import { mark } from "./marks.js";
import { isSupervisor, moodOf, TROUBLE } from "./model.js";
import { TimeLine } from "./past.js";
import { told } from "./told.js";
import { Verbs } from "./verbs.js";

export class Detail {
  /** `select(path)` goes to another child, `back()` to the tree, `refresh(path)` asks for news. */
  constructor(model, { select, back, refresh }) {
    Object.assign(this, { model, select, back, refresh });
    this.box = $("detail");
    this.path = null;
    this.tab = "overview";
    this.info = null;
    this.isConnected = true;
    this.draw = oncePerFrame(() => this.#draw());
    this.drawPast = sometimes(() => this.#past(), 400);
    for (const kind of ["tree", "measured", "past"]) model.addEventListener(kind, this.draw);
    onLanguage(() => this.#translated());
    setInterval(this.draw, 1000);
    this.open(null);
  }

  get node() {
    return this.path === null ? null : this.model.nodes.get(this.path);
  }

  /** Whether anything can be done; else what is seen is what was known last. */
  connected(is) {
    this.isConnected = is;
    if (this.verbs) this.verbs.element.disabled = !is;
    if (is && this.path !== null) this.#ask();
  }

  /** The log keeps its lines and what was searched for. */
  #translated() {
    if (this.path === null || !this.node) return this.open(this.path);
    this.#frame();
    this.#show(this.tab, this.log);
  }

  #closeLog() {
    this.log?.close();
    this.log = null;
  }

  /** Shows this child; the tree as a whole for null. */
  open(path) {
    this.#closeLog();
    this.path = path;
    this.info = null;
    if (path === null || !this.node) return this.#empty();
    this.#frame();
    if (isSupervisor(this.node)) this.tab = this.tab === "events" ? "events" : "overview";
    this.#show(this.tab);
    this.#ask();
  }

  /** Asks for what comes with no event: spec and checks. */
  async #ask() {
    const path = this.path;
    this.asked = Date.now();
    try {
      const info = await get(ofChild(path));
      if (path === this.path) this.info = info;
    } catch (error) {
      // What was known last stays; that it may be old is said above all.
      if (error.status === 404) this.refresh(path); // it is gone, which no event has told
    }
    this.draw();
  }

  #empty() {
    this.box.dataset.state = "empty";
    this.box.replaceChildren(h("div", { class: "choose" }, h("p", { class: "choose-title" }, t("detail.none")), h("p", {}, t("detail.hint"))));
  }

  #frame() {
    this.box.dataset.state = "open";
    this.title = h("h2", { id: "detail-title", tabindex: "-1" });
    this.kind = h("p", { class: "remark" });
    this.verbs = new Verbs((verb) => this.do(verb));
    this.verbs.element.disabled = !this.isConnected;
    this.tabs = h("div", { class: "tabs", role: "tablist", "aria-labelledby": "detail-title", onkeydown: (event) => this.#tabKey(event) });
    this.body = h("div", { class: "detail-body", role: "tabpanel", id: "tab-panel" });
    const back = h("button", { type: "button", class: "quiet back", onclick: () => this.back(), "aria-label": t("back") }, "←");
    this.box.replaceChildren(lastKnown(),
      h("div", { class: "detail-head" }, back, h("div", { class: "detail-name" }, this.title, this.kind), this.verbs.element), this.tabs, this.body);
    this.box.setAttribute("aria-labelledby", "detail-title");
    this.drawnTitle = null;
    this.#makeTabs();
    this.drawn = {};
  }

  #names() {
    if (isSupervisor(this.node)) return ["overview", "events"];
    return ["overview", "log", "events"];
  }

  #makeTabs() {
    this.tabs.replaceChildren(...this.#names().map((name) => h("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "tab-panel", class: "tab", onclick: () => this.#show(name),
    }, t(`tab.${name}`))));
  }

  /** Shows a tab; with `log`, if that is the one, the log as it is. */
  #show(tab, log = null) {
    if (!log || tab !== "log") this.#closeLog();
    this.tab = this.#names().includes(tab) ? tab : "overview";
    for (const each of this.tabs.children) {
      const isShown = each.id === `tab-${this.tab}`;
      each.setAttribute("aria-selected", String(isShown));
      each.tabIndex = isShown ? 0 : -1;
    }
    this.body.setAttribute("aria-labelledby", `tab-${this.tab}`);
    this.body.dataset.tab = this.tab;
    this.body.replaceChildren();
    this.drawn = {};
    if (this.tab === "log") {
      if (this.log) this.log.translate();
      else this.log = new Log(this.path);
      this.body.append(this.log.element);
    }
    this.#draw();
  }

  #tabKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = this.#names();
    this.#show(names[(names.indexOf(this.tab) + step + names.length) % names.length]);
    this.tabs.querySelector("[aria-selected=true]").focus();
    event.preventDefault();
    event.stopPropagation();
  }

  #draw() {
    if (this.path === null) return;
    const { node } = this;
    if (!node) {
      if (this.box.dataset.state !== "gone") this.#gone();
      return;
    }
    if (this.box.dataset.state === "gone") return void this.open(this.path);
    this.#heading(node);
    if (this.tab === "overview") this.#overview(node);
    if (this.tab === "events") this.#events();
    if (Date.now() - this.asked > 15_000) this.#ask();
  }

  #gone() {
    this.#closeLog();
    const hadFocus = this.box.contains(document.activeElement);
    this.box.dataset.state = "gone";
    const back = h("button", { type: "button", class: "quiet back", onclick: () => this.back(), "aria-label": t("back") }, "←");
    this.box.replaceChildren(back, h("p", { class: "choose" }, t("detail.gone")));
    if (hadFocus) this.box.focus();
  }

  #heading(node) {
    const mood = moodOf(node);
    if (this.drawnTitle === null) {
      this.sign = h("span", {});
      this.mood = h("span", {});
      this.title.replaceChildren(this.sign, ...named(node.path || (this.model.about?.name ?? node.name)), " ", this.mood);
      this.kind.textContent = t(`type.${node.type}`);
    }
    if (this.drawnTitle !== mood) {
      this.drawnTitle = mood;
      this.sign.replaceChildren(mark(mood));
      this.mood.className = `mood ${mood}`;
      say(this.mood, t(`mood.${mood}`));
    }
    this.verbs.draw(verbsFor(node, this.info));
  }

  /** One of the verbs, if it makes sense just now. */
  async do(verb) {
    const { node } = this;
    if (!this.isConnected || !node || !Object.values(verbsFor(node, this.info)).flat().includes(verb)) return;
    await act(verb, node, this.model, this.info);
    this.refresh(node.path);
    if (this.path === node.path) this.#ask();
    if (document.activeElement === document.body && this.path === node.path) this.verbs.focus(verb) || this.title.focus(); // what was pressed is gone
  }

  #overview(node) {
    if (!this.drawn.why) {
      this.drawn = { why: h("div", {}), output: h("div", {}), facts: h("div", {}), past: h("section", { class: "own-past part" }, h("h3", {}, t("past.title"))), line: new TimeLine(null) };
      this.drawn.past.append(this.drawn.line.element);
      this.#past(); // at once: a picture without a name is none
    }
    this.#order(TROUBLE.has(moodOf(node)));
    drawWhy(this.drawn.why, node);
    drawOutput(this.drawn.output, node, this.#ofIt());
    drawFacts(this.drawn.facts, node, { model: this.model, info: this.info, select: this.select });
    this.drawPast();
  }

  /** What it wrote last matters most when it is down. It stays there when it is up again, and it does
   * not move away from who is reading. */
  #order(isTrouble) {
    const { why, output, past, facts } = this.drawn;
    if (this.drawn.isTrouble || this.drawn.isTrouble === isTrouble || (this.body.firstChild && this.#isRead())) return;
    this.drawn.isTrouble = isTrouble;
    arrange(this.body, isTrouble ? [why, output, past, facts] : [why, facts, past, output]);
  }

  #isRead() {
    const selected = getSelection();
    const isSelected = !selected.isCollapsed && this.body.contains(selected.anchorNode);
    return this.body.scrollTop > 0 || this.body.contains(document.activeElement) || isSelected;
  }

  /** If it is another, and as the time goes by. */
  #past() {
    if (!this.drawn.past || !this.node) return;
    const events = this.#ofIt();
    const now = `${events.length} ${events.at(-1)?.at} ${Math.floor(Date.now() / 5000)}`;
    if (this.drawn.pastNow === now) return;
    this.drawn.pastNow = now;
    this.drawn.line.draw(events, this.model.from);
  }

  #ofIt() {
    const below = `${this.path}/`;
    const isOfIt = isSupervisor(this.node)
      ? ({ path }) => this.path === "" || path === this.path || path.startsWith(below)
      : ({ path }) => path === this.path;
    return this.model.events.filter(isOfIt);
  }

  /** Nothing has happened, as far as is known. */
  #noEvents() {
    const { knownFrom } = this.model;
    return knownFrom > -Infinity ? t("events.forgotten", { at: clock(knownFrom) }) : t("events.none");
  }

  /** The latest first; what is there stays where it is read. */
  #events() {
    const events = this.#ofIt().slice(-200).reverse();
    const before = this.drawn.lines ?? new Map();
    this.drawn.lines = new Map(events.map((event) => [event, before.get(event) ?? eventLine(event)]));
    this.drawn.list ??= h("ol", { class: "events" });
    this.drawn.none ??= h("p", { class: "empty" });
    arrange(this.drawn.list, [...this.drawn.lines.values()]);
    say(this.drawn.none, events.length ? "" : this.#noEvents());
    arrange(this.body, [events.length ? this.drawn.list : this.drawn.none]);
  }
}

function eventLine(event) {
  const bad = event.kind === "child_terminated" || event.kind === "start_error";
  const kind = bad ? "ended" : event.kind === "restart" ? "restarted" : "";
  return h("li", { class: kind }, h("time", {}, clock(event.at)), hTold("span", {}, told(event.text)),
    event.traceback && h("pre", { class: "stack", lang: "en" }, event.traceback));
}

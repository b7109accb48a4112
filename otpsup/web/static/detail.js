// One child: how it is and why, what it uses and writes, and what can be done.

import { get, ofChild, session } from "./api.js";
import { act, verbsFor } from "./actions.js";
import { $, h, hTold, oncePerFrame, sometimes } from "./dom.js";
import { drawFacts, drawOutput, drawWhy } from "./overview.js";
import { clock, onLanguage, t } from "./i18n.js";
import { lastKnown } from "./connection.js";
import { Log } from "./log.js";
import { mark } from "./marks.js";
import { isSupervisor, moodOf, TROUBLE } from "./model.js";
import { timeLine } from "./past.js";
import { told } from "./told.js";

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
    if (this.verbs) this.verbs.disabled = !is;
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
    } catch {
      this.info = null;
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
    this.verbs = h("fieldset", { class: "verbs", disabled: !this.isConnected, "aria-label": t("detail.verbs") });
    this.tabs = h("div", { class: "tabs", role: "tablist", "aria-labelledby": "detail-title", onkeydown: (event) => this.#tabKey(event) });
    this.body = h("div", { class: "detail-body", role: "tabpanel", id: "tab-panel" });
    const back = h("button", { type: "button", class: "quiet back", onclick: () => this.back(), "aria-label": t("back") }, "←");
    this.box.replaceChildren(lastKnown(),
      h("div", { class: "detail-head" }, back, h("div", { class: "detail-name" }, this.title, this.kind), this.verbs), this.tabs, this.body);
    this.box.setAttribute("aria-labelledby", "detail-title");
    this.drawnVerbs = this.drawnTitle = null;
    this.drawn = {};
  }

  #names() {
    if (isSupervisor(this.node)) return ["overview", "events"];
    return ["overview", "log", "events"];
  }

  /** Shows a tab; with `log`, if that is the one, the log as it is. */
  #show(tab, log = null) {
    if (!log || tab !== "log") this.#closeLog();
    this.tab = this.#names().includes(tab) ? tab : "overview";
    this.tabs.replaceChildren(...this.#names().map((name) => h("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "tab-panel", class: "tab", "aria-selected": String(name === this.tab),
      tabindex: name === this.tab ? "0" : "-1", onclick: () => this.#show(name),
    }, t(`tab.${name}`))));
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
    this.box.dataset.state = "gone";
    const back = h("button", { type: "button", class: "quiet back", onclick: () => this.back(), "aria-label": t("back") }, "←");
    this.box.replaceChildren(back, h("p", { class: "choose" }, t("detail.gone")));
  }

  #heading(node) {
    const mood = moodOf(node);
    const now = `${mood} ${node.path}`;
    if (this.drawnTitle !== now) {
      this.drawnTitle = now;
      this.title.replaceChildren(mark(mood), node.path || (this.model.about?.name ?? node.name), " ", h("span", { class: `mood ${mood}` }, t(`mood.${mood}`)));
      this.kind.textContent = t(`type.${node.type}`);
    }
    this.#drawVerbs(verbsFor(node, this.info));
  }

  #drawVerbs(verbs) {
    const shown = JSON.stringify(verbs);
    if (this.drawnVerbs === shown) return;
    this.drawnVerbs = shown;
    const focused = this.verbs.contains(document.activeElement) ? document.activeElement.dataset.verb : null;
    const wasOpen = this.verbs.querySelector("details")?.open ?? false;
    const onlyLooks = session.role === "view";
    this.verbs.replaceChildren(...(onlyLooks ? [h("span", { class: "remark" }, t("needs.role", { role: session.role }))] : []),
      ...(onlyLooks ? verbs.more : verbs.first).map((verb) => this.#button(verb)), ...(!onlyLooks && verbs.more.length ? [this.#menu(verbs.more, wasOpen)] : []));
    if (focused !== null) this.#focusVerbs(focused);
  }

  /** The focus goes to this verb; if it is not to be seen any more, to the first that is. */
  #focusVerbs(verb) {
    const seen = [...this.verbs.querySelectorAll("button, summary")].filter((it) => it.checkVisibility());
    (seen.find((it) => it.dataset.verb === verb) ?? seen[0] ?? this.title).focus();
  }

  #button(verb) {
    return h("button", { type: "button", "data-verb": verb, onclick: () => this.do(verb) }, t(`do.${verb}`));
  }

  #menu(verbs, open) {
    const list = h("div", { class: "menu-list" }, ...verbs.map((verb) => this.#button(verb)));
    const summary = h("summary", { "data-verb": "more" }, t("do.more"));
    const menu = h("details", { class: "menu", open, onkeydown: (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      event.stopPropagation(); // it closes the menu, and not what is around it
      menu.open = false;
      summary.focus();
    } }, summary, list);
    list.addEventListener("click", () => (menu.open = false));
    menu.addEventListener("focusout", (event) => menu.contains(event.relatedTarget) || (menu.open = false));
    return menu;
  }

  /** One of the verbs, if it makes sense just now. */
  async do(verb) {
    const { node } = this;
    if (!this.isConnected || !node || !Object.values(verbsFor(node, this.info)).flat().includes(verb)) return;
    await act(verb, node, this.model, this.info);
    this.refresh(node.path);
    if (this.path === node.path) this.#ask();
    if (document.activeElement === document.body && this.path === node.path) this.#focusVerbs(verb); // what was pressed is gone
  }

  #overview(node) {
    if (!this.drawn.why) {
      this.drawn = { why: h("div", {}), output: h("div", {}), facts: h("div", {}), past: h("section", { class: "own-past part" }) };
    }
    this.#order(TROUBLE.has(moodOf(node)));
    drawWhy(this.drawn.why, node);
    drawOutput(this.drawn.output, node, this.#ofIt());
    drawFacts(this.drawn.facts, node, { model: this.model, info: this.info, select: this.select });
    this.drawPast();
  }

  /** What it wrote last matters most while it is down. */
  #order(isTrouble) {
    if (this.drawn.isTrouble === isTrouble) return;
    this.drawn.isTrouble = isTrouble;
    const { why, output, past, facts } = this.drawn;
    this.body.replaceChildren(...(isTrouble ? [why, output, past, facts] : [why, facts, past, output]));
  }

  /** Drawn anew if it is another, and as the time goes by. */
  #past() {
    if (!this.drawn.past || !this.node) return;
    const events = this.#ofIt();
    const now = `${events.length} ${events.at(-1)?.at} ${Math.floor(Date.now() / 5000)}`;
    if (this.drawn.pastNow === now) return;
    this.drawn.pastNow = now;
    this.drawn.past.replaceChildren(h("h3", {}, t("past.title")), timeLine(events, this.model.from, null));
  }

  #ofIt() {
    const below = `${this.path}/`;
    const isOfIt = isSupervisor(this.node)
      ? ({ path }) => this.path === "" || path === this.path || path.startsWith(below)
      : ({ path }) => path === this.path;
    return this.model.events.filter(isOfIt);
  }

  #events() {
    const events = this.#ofIt().slice(-200).reverse();
    const now = `${events.length} ${events[0]?.at}`;
    if (this.drawn.events === now) return;
    this.drawn.events = now;
    this.body.replaceChildren(events.length ? h("ol", { class: "events" }, ...events.map(eventLine)) : h("p", { class: "empty" }, t("events.none")));
  }
}

function eventLine(event) {
  const bad = event.kind === "child_terminated" || event.kind === "start_error";
  const kind = bad ? "ended" : event.kind === "restart" ? "restarted" : "";
  return h("li", { class: kind }, h("time", {}, clock(event.at)), hTold("span", {}, told(event.text)),
    event.traceback && h("pre", { class: "stack", lang: "en" }, event.traceback));
}

// Keeps the model true: events as they come, and answers to what events do not say.

import { address, get, ofChild } from "./api.js";
import { isSameRun } from "./run.js";
import { follow } from "./stream.js";

const SOON = 120; // ms after an event
const FEW = 6; // nodes that are asked for one by one
const SAMPLING = 15_000;
const TRUTH = 60_000; // the whole tree again, whatever was heard
const HIDDEN = 10_000; // a page that nobody sees lets go of its connection after so long

export class Live {
  /** `onstate(state, detail)` as of `follow`. */
  constructor(model, onstate) {
    this.model = model;
    this.onstate = onstate;
    this.touched = new Set();
    this.all = false;
    this.rest = SOON;
  }

  async begin() {
    const [about, root, events] = await Promise.all([get("about"), get("tree"), get("recent-events")]);
    this.model.introduce(about);
    this.model.begin(events);
    this.model.take(root);
    this.#open();
    this.#measure(true);
    setInterval(() => document.hidden || this.#measure(), SAMPLING);
    setInterval(() => document.hidden || this.refresh(), TRUTH);
    document.addEventListener("visibilitychange", () => this.#seen());
  }

  /** Asks for one child, or for the whole tree, soon. */
  refresh(path = null) {
    if (path === null) this.all = true;
    else this.touched.add(path);
    this.timer ??= setTimeout(() => this.#ask(), this.rest);
  }

  #open() {
    this.end = follow({
      address: (after) => address("events", { after: after ?? this.after }),
      onevent: (kind, event, id) => {
        this.after = id ?? this.after;
        if (kind === "gap") this.#catchUp();
        else this.#hear(event);
      },
      onstate: (state, detail) => {
        if (state === "live" && this.model.halted) location.reload();
        if (state === "live") this.#catchUp(); // before the stream something may have happened
        this.onstate(state, detail);
      },
    });
  }

  /** What happened meanwhile: a stream need not begin where the last one, or an answer, ended. */
  async #catchUp() {
    this.refresh();
    try {
      const { events } = this.model;
      const last = events.at(-1)?.at ?? 0;
      const [about, kept] = await Promise.all([get("about"), get("recent-events")]);
      if (!isSameRun(about, this.model.about)) return void location.reload(); // what is shown is of another
      this.model.introduce(about);
      if (kept.length && kept[0].at > last) return void this.model.begin(kept); // some are lost
      this.model.remember(kept.filter((event) => event.at >= last && !this.#isKnown(event)));
    } catch {
      // Lost again.
    }
  }

  #hear(event) {
    if (this.#isKnown(event)) return;
    if (this.model.halted) return void location.reload(); // another tree of this name begins
    const isUnknown = this.model.hear(event);
    if (isUnknown) this.refresh();
    else if (event.kind !== "progress") this.refresh(event.path);
  }

  /** A stream may begin with events that were already in the answer. Several may be of one moment, also of
   * one child: its text tells them apart. */
  #isKnown(event) {
    const { events } = this.model;
    if (!events.length || event.at > events.at(-1).at) return false;
    return events.some((each) => each.at === event.at && each.text === event.text);
  }

  async #ask() {
    if (this.model.halted) return;
    const paths = [...this.touched];
    const all = this.all || paths.length > FEW;
    this.touched.clear();
    this.all = false;
    const began = performance.now();
    try {
      if (all) this.model.take(await get("tree"));
      else await Promise.all(paths.map((path) => this.#one(path)));
    } catch {
      // The stream says that the connection is lost, and all is asked for again when it is back.
    }
    // Large trees are asked for less often: a tenth of the time at most.
    this.rest = Math.max(SOON, (performance.now() - began) * 10);
    this.timer = null;
    if (this.all || this.touched.size) this.timer = setTimeout(() => this.#ask(), this.rest);
  }

  async #one(path) {
    try {
      this.model.takeOne(await get(ofChild(path)));
    } catch (error) {
      if (error.status === 404) this.all = true;
    }
  }

  async #measure(isFirst = false) {
    try {
      const samples = isFirst ? (this.model.nodes.size > 200 ? 20 : 240) : 2;
      this.model.measure(await get("statistics", { samples }));
    } catch {
      // It is shown without.
    }
  }

  /** Browsers allow six connections to a server: a page in the background must not hold one. */
  #seen() {
    clearTimeout(this.leaving);
    if (document.hidden) {
      this.leaving = setTimeout(() => {
        this.end();
        this.isAway = true;
      }, HIDDEN);
    } else if (this.isAway) {
      this.isAway = false;
      this.#open();
      this.#measure();
    }
  }
}

// What is known of the tree: nodes by path, events, statistics. Draws nothing, asks nothing.

import { now, setTime } from "./time.js";

const MOST_EVENTS = 2000;
const KEPT = 500; // events that the tree itself keeps
const OFTEN = 3; // restarts
const LATELY = 300; // s
const SOON = 3; // s; who is tried again later than that is not just restarting
const MOST_SAMPLES = 240;

/** What a node is like, in one word; each has a colour, a shape and a name in each language. */
export function moodOf(node) {
  return node.shaky && isMoment(node) ? "unsteady" : plainMood(node);
}

/** A child that keeps restarting is down again and again, and up in a moment. */
function isMoment({ state, ready, next_attempt }) {
  if (state === "restarting") return !(next_attempt - now() > SOON);
  return state === "starting" || (state === "running" && ready);
}

function plainMood(node) {
  switch (node.state) {
    case "running":
      return node.ready ? "up" : "unready";
    case "down":
      if (!node.wanted) return "off";
      return node.waits ? "waiting" : "failed"; // for another, or for its turn after another
    case "restarting":
      return node.waits && node.last_exit === null ? "waiting" : "restarting";
    default:
      return node.state; // starting, stopping
  }
}

/** The worst first. */
export const MOODS = ["failed", "restarting", "unready", "unsteady", "waiting", "starting", "stopping", "up", "off"];
export const TROUBLE = new Set(["failed", "restarting", "unready", "unsteady"]);

/** A child has ended by itself, or has not come up. */
export const isEnd = ({ kind }) => kind === "child_terminated" || kind === "start_error";

const AGAIN = new Set(["exit", "retry", "satisfied", "unawaited"]); // causes of a start that is a restart

/** When who was up again after its supervisor had restarted it, by itself or with others: the events of
 * it. `isOwn`: only after ends of its own. */
export function restarted(events, isOwn = false) {
  const ended = new Set();
  const again = new Set();
  return events.filter((event) => {
    const { kind, path, state } = event;
    if (isEnd(event)) ended.add(path);
    if (kind === "state" && state === "starting") {
      const isOne = AGAIN.has(event.cause_kind) && (!isOwn || ended.has(path));
      if (isOne) again.add(path);
      else again.delete(path);
    }
    if (kind !== "progress") return false;
    ended.delete(path);
    return again.delete(path);
  });
}

export function isSupervisor(node) {
  return node.type === "supervisor" || node.type === "dynamic_supervisor";
}

export function parentOf(path) {
  return path === "" ? null : path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

export class Model extends EventTarget {
  about = null;
  root = null;
  nodes = new Map();
  events = [];
  statistics = new Map();
  halted = null;
  knownFrom = -Infinity; // since when all events are known

  /** Says that something is another than before. */
  changed(kind = "tree") {
    this.dispatchEvent(new Event(kind));
  }

  /** The whole tree, as the server has it. */
  take(root) {
    this.root = root;
    this.nodes = new Map();
    const walk = (node) => {
      this.nodes.set(node.path, node);
      node.children.forEach(walk);
    };
    walk(root);
    for (const path of this.statistics.keys()) if (!this.nodes.has(path)) this.statistics.delete(path);
    this.#overtake();
    this.unsteady();
    this.changed();
  }

  /** What was heard while the answer was on its way is newer than that. */
  #overtake() {
    for (const event of this.events.slice(-50)) {
      const node = this.nodes.get(event.path);
      if (node && event.kind === "state" && event.at > node.since) apply(node, event);
    }
  }

  /** Since when it runs, and since when all of its events are known. */
  get from() {
    return { since: this.about?.since ?? 0, knownFrom: this.knownFrom };
  }

  /** What the tree says of itself. */
  introduce(about) {
    this.about = about;
    setTime(about.now);
  }

  /** The events that the tree has kept, which may not be all. */
  begin(events) {
    this.events = [];
    this.knownFrom = events.length >= KEPT ? events[0].at : -Infinity;
    this.remember(events);
  }

  /** Who was restarted again and again lately: how often, by path, and within how long. Their nodes
   * are marked. */
  unsteady() {
    const from = now() - LATELY;
    const found = new Map();
    for (const { path, at } of restarted(this.events, true)) if (at > from) found.set(path, [...(found.get(path) ?? []), at]);
    for (const [path, times] of found) {
      if (times.length < OFTEN) found.delete(path);
      else found.set(path, { n: times.length, span: now() - times[0] });
    }
    for (const node of this.nodes.values()) node.shaky = found.has(node.path);
    return found;
  }

  /** One node, as the server has it. */
  takeOne(fields) {
    const node = this.nodes.get(fields.path);
    if (!node) return;
    const { children, checks, spec, ...own } = fields;
    Object.assign(node, own);
    this.#overtake();
    this.changed();
  }

  /** An event that came just now. Returns whether the tree has to be asked for. */
  hear(event) {
    this.remember([event]);
    if (event.kind === "halt") this.#end(event);
    const node = this.nodes.get(event.path);
    if (!node) return true;
    apply(node, event);
    this.changed();
    return false;
  }

  /** Nothing is to run any more. */
  #end(event) {
    this.halted = event;
    for (const node of this.nodes.values()) Object.assign(node, { wanted: false, state: "down", pid: null });
    this.changed("halt");
  }

  remember(events) {
    this.events.push(...events);
    if (this.events.length > MOST_EVENTS) {
      this.events.splice(0, this.events.length - MOST_EVENTS);
      this.knownFrom = this.events[0].at;
    }
    this.changed("past");
  }

  /** Statistics; samples are added to those that are there. */
  measure(statistics) {
    for (const [path, now] of Object.entries(statistics.children)) {
      const before = this.statistics.get(path)?.history ?? [];
      const last = before.at(-1)?.[0] ?? 0;
      const history = [...before, ...now.history.filter(([at]) => at > last)].slice(-MOST_SAMPLES);
      this.statistics.set(path, { ...now, history });
    }
    for (const [path, now] of Object.entries(statistics.supervisors)) this.statistics.set(path, now);
    this.changed("measured");
  }

  /** How those below a supervisor are, the worst of them, and how many are in trouble. */
  below(node) {
    let worst = "up";
    let trouble = 0;
    let all = 0;
    const look = (each) => {
      if (!isSupervisor(each)) {
        const mood = moodOf(each);
        all += 1;
        if (TROUBLE.has(mood)) trouble += 1;
        if (TROUBLE.has(mood) && (worst === "up" || MOODS.indexOf(mood) < MOODS.indexOf(worst))) worst = mood;
      }
      each.children.forEach(look);
    };
    node.children.forEach(look);
    return { worst, trouble, all };
  }

  /** The processes, without those that only look after others. */
  leaves() {
    return [...this.nodes.values()].filter((node) => !isSupervisor(node));
  }
}

/** What an event says at once; the rest comes with the answer that is asked for then. */
function apply(node, event) {
  if (event.kind === "state") {
    const isStopped = event.state === "down" && node.state === "stopping"; // for good? The answer tells
    if (!isStopped) node.state = event.state;
    node.since = event.at;
    node.pid = ["down", "restarting", "starting"].includes(event.state) ? null : (event.pid ?? node.pid);
    node.ready = event.state === "running";
    node.why = event.chain;
    if (event.reason) node.last_exit = event.reason;
    if (event.state === "running" || event.state === "starting") node.wanted = true;
  } else if (event.kind === "readiness") {
    node.ready = event.reason === null;
    node.waits = event.reason;
  } else if (event.kind === "restart") {
    node.restarts += 1;
  } else if (event.kind === "last_output") {
    node.last_output = event.lines;
  }
}

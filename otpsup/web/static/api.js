// Requests to the tree. Errors come as `Problem`, with the words of the command line.

import { span, t } from "./i18n.js";

const PATIENCE = 30_000; // ms for an answer; of what changes something nobody knows how long it takes
const KEPT = 600_000; // ms for which the server knows a key again

export const base = new URL("api/v1/", document.baseURI);

/** Who is signed in, and at which tree: `{role, csrf, name, as, access, sign_in}`, see `Session` in docs/reference/rest.md. */
export const session = { role: null, csrf: null, name: null };

const listeners = new Set();

/** `listener()` is called when somebody else is signed in, or with another role. */
export function onWho(listener) {
  listeners.add(listener);
}

/** Asks who is signed in now. */
export async function askWho() {
  const before = [session.as, session.role].join();
  Object.assign(session, await get("session"));
  if ([session.as, session.role].join() !== before) for (const listener of listeners) listener();
}

const RANKS = { view: 0, operate: 1, admin: 2 };

/** Whether the role allows what needs this one. */
export function may(role) {
  return RANKS[session.role] >= RANKS[role];
}

export class Problem extends Error {
  constructor(status, detail, code) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** The address of a child: its path, each name encoded. */
export function ofChild(path, verb = "") {
  return `children/${path.split("/").map(encodeURIComponent).join("/")}${verb && `:${verb}`}`;
}

export function get(path, query = {}) {
  return request(path, { query });
}

const unanswered = new Map(); // keys of changes of which nobody knows whether they were done

/** A change. Sent again after a lost connection it is done once: the key is the same. If the answer
 * takes long it is waited for all the same, and `late(words)` is called. */
export async function post(path, fields = {}, late = () => {}) {
  const body = JSON.stringify(fields);
  const what = `${path} ${body}`;
  const headers = { "content-type": "application/json", "idempotency-key": keyOf(what) };
  if (session.csrf) headers["x-csrf-token"] = session.csrf;
  const timer = setTimeout(() => late(t("late", { span: span(PATIENCE / 1000) })), PATIENCE);
  try {
    const answer = await request(path, { method: "POST", headers, body });
    unanswered.delete(what);
    return answer;
  } catch (error) {
    if (error.status !== 0) unanswered.delete(what);
    else error.message += t("failed.perhaps");
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The key of a change: that of the same one before, as long as nobody knows whether it was done. */
function keyOf(what) {
  const known = unanswered.get(what);
  if (!known || known.at < performance.now() - KEPT) unanswered.set(what, { key: key(), at: performance.now() });
  return unanswered.get(what).key;
}

// `crypto.randomUUID` is there in secure contexts only, and a loopback address by HTTP need not be one.
function key() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** The address of a request, with its query. */
export function address(path, query = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) if (each !== null && each !== undefined) url.searchParams.append(name, each);
  }
  return url;
}

async function request(path, { query = {}, ...options }) {
  const limit = options.method ? {} : { signal: AbortSignal.timeout(PATIENCE) };
  const text = await reached(async () => {
    const answer = await fetch(address(path, query), { credentials: "same-origin", ...limit, ...options });
    if (answer.status === 403 && path !== "session") askWho().catch(() => {}); // the role may be another now
    if (!answer.ok) throw await problem(answer);
    return answer.text();
  });
  return text ? JSON.parse(text) : null;
}

/** What the work gives; that there is no answer is a `Problem`, too, of status 0. */
async function reached(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(0, t(error.name === "TimeoutError" ? "failed.late" : "failed.offline", { span: span(PATIENCE / 1000) }), "offline");
  }
}

/** What an answer that is none says. */
export async function problem(answer) {
  const text = await answer.text();
  try {
    const told = JSON.parse(text);
    return new Problem(answer.status, told.detail ?? told.title, told.code);
  } catch {
    return new Problem(answer.status, text.trim() || `HTTP ${answer.status}`, "");
  }
}

/** Makes a session of a token. */
export async function signIn(token) {
  const headers = { "content-type": "application/json" };
  const url = new URL("login", document.baseURI);
  await reached(async () => {
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ token }), signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw await problem(answer);
  });
}

export async function signOut() {
  const headers = { "content-type": "application/json", "x-csrf-token": session.csrf };
  await reached(() => fetch(new URL("logout", document.baseURI), { method: "POST", headers, body: "{}", signal: AbortSignal.timeout(PATIENCE) }));
}

// Requests to the tree. Errors come as `Problem`, with the words of the command line.

export const base = new URL("api/v1/", document.baseURI);

/** Who is signed in: `{role, csrf}`. */
export const session = { role: null, csrf: null };

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

/** A change. Sent again after a lost connection it is done once: the key is the same. */
export function post(path, body = {}) {
  const headers = { "content-type": "application/json", "idempotency-key": key() };
  if (session.csrf) headers["x-csrf-token"] = session.csrf;
  return request(path, { method: "POST", headers, body: JSON.stringify(body) });
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
  const answer = await fetch(address(path, query), { credentials: "same-origin", ...options });
  if (!answer.ok) throw await problem(answer);
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
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
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ token }) });
  if (!answer.ok) throw await problem(answer);
}

export async function signOut() {
  const headers = { "content-type": "application/json", "x-csrf-token": session.csrf };
  await fetch(new URL("logout", document.baseURI), { method: "POST", headers, body: "{}" });
}

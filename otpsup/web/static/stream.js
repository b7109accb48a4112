// Server-sent events over fetch: unlike EventSource it sees the heartbeats, so that a connection
// that is up and dead is noticed, and the status of a refusal.
// https://html.spec.whatwg.org/multipage/server-sent-events.html

import { problem, Problem } from "./api.js";

const SILENCE = 40_000; // ms; the server says something each 15 s
const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 8_000;

/**
 * Follows a stream until it is closed.
 *   address(after)          the URL, given the id of the last event that was seen
 *   onevent(kind, data, id) one event
 *   onstate(state, detail)  "live"; "lost", with a Problem if there was an answer, and null if not: it is tried
 *                           again; "refused" with a Problem
 * Returns a function that closes it.
 */
export function follow({ address, onevent, onstate = () => {} }) {
  let after = null;
  let pause = FIRST_PAUSE;
  let closed = false;
  let timer = null;
  let abort = new AbortController();

  async function connect() {
    abort = new AbortController();
    try {
      await read();
      throw new Error("ended");
    } catch (error) {
      if (closed) return;
      const answered = error instanceof Problem ? error : null;
      if (answered && answered.status < 500 && answered.status !== 429) {
        onstate("refused", answered);
        return;
      }
      onstate("lost", answered);
      timer = setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  async function read() {
    const headers = { accept: "text/event-stream", ...(after && { "last-event-id": after }) };
    const watch = watchdog(abort);
    try {
      const answer = await fetch(address(after), { headers, cache: "no-store", signal: abort.signal });
      if (!answer.ok) throw await problem(answer);
      pause = FIRST_PAUSE;
      onstate("live");
      const parse = parser((event) => {
        if (event.id) after = event.id;
        onevent(event.kind, JSON.parse(event.data), event.id);
      });
      const decoder = new TextDecoder();
      for (const reader = answer.body.getReader(); ; ) {
        const { done, value } = await reader.read();
        if (done) return;
        watch.seen();
        parse(decoder.decode(value, { stream: true }));
      }
    } finally {
      watch.end();
    }
  }

  connect();
  return () => {
    closed = true;
    clearTimeout(timer);
    abort.abort();
  };
}

function watchdog(abort) {
  let timer = setTimeout(() => abort.abort(), SILENCE);
  return {
    seen() {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENCE);
    },
    end: () => clearTimeout(timer),
  };
}

/** Takes pieces of text, gives whole events. */
export function parser(onevent) {
  let rest = "";
  let event = { id: null, kind: "message", data: [] };
  function line(text) {
    if (text === "") {
      if (event.data.length) onevent({ ...event, data: event.data.join("\n") });
      event = { id: null, kind: "message", data: [] };
      return;
    }
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "data") event.data.push(value);
    else if (field === "event") event.kind = value;
    else if (field === "id") event.id = value;
  }
  return (piece) => {
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    lines.forEach(line);
  };
}

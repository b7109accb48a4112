// Who is there? By the session's cookie, or by a token.

import { askWho, session, signIn } from "./api.js";
import { $, h } from "./dom.js";
import { onLanguage, t } from "./i18n.js";
import { toast } from "./toasts.js";
import { told, toldOf } from "./told.js";

const ENDED = "otpsup.ended"; // what was over, for the page that comes next in this tab
let problem = null; // what went wrong last

/** Resolves once somebody is signed in; `until(ask)` asks as often as it takes. */
export async function signedIn(until) {
  await byFragment();
  await until(askAnybody);
  while (session.role === null) {
    await byForm();
    await until(askAnybody);
  }
}

async function askAnybody() {
  try {
    await askWho();
  } catch (error) {
    if (error.status !== 401) throw error;
  }
}

/** The session is over: asks for another, and says so. The place in the address stays. Whether it is
 * another run of the tree that asks is known by who has signed in, see `run.js`. */
export function signInAgain({ isTreeOver = false } = {}) {
  sessionStorage.setItem(ENDED, isTreeOver ? "login.ended" : "login.again");
  location.reload();
}

/** The token in an address that `otpsup web login` has printed; null if there is none. */
function tokenIn(address) {
  const at = address.indexOf("#");
  return at < 0 ? null : new URLSearchParams(address.slice(at + 1)).get("token");
}

/** A URL that ends in `#token=...` signs in; a fragment is not sent, and leaves no trace in logs.
 * `before` is the fragment that was there before. Returns whether it has. */
async function byFragment(before = "") {
  const token = tokenIn(location.href);
  if (!token) return false;
  history.replaceState(null, "", location.pathname + before);
  try {
    await signIn(token);
    return true;
  } catch (error) {
    problem = error.message;
    return false;
  }
}

/** Also in a tab that is there already, where only the fragment becomes another. */
addEventListener("hashchange", async ({ oldURL, newURL }) => {
  if (!tokenIn(newURL)) return;
  if (await byFragment(new URL(oldURL).hash)) location.reload();
  else if ($("login").hidden) toast("").failed(told(problem).text);
  else drawForm();
});

let submitted = () => {};
let typed = "";

async function byForm() {
  const ended = sessionStorage.getItem(ENDED);
  sessionStorage.removeItem(ENDED);
  if (ended) problem ??= t(ended);
  onLanguage(() => $("login").hidden || drawForm());
  drawForm();
  await new Promise((resolve) => (submitted = resolve));
  $("login").hidden = true;
}

function drawForm() {
  const said = h("p", { class: "problem", role: "alert" });
  const input = h("input", { id: "token", name: "token", type: "password", autocomplete: "current-password", required: true, value: typed, oninput: () => (typed = input.value) });
  const go = h("button", { class: "main" }, t("login.go"));
  const submit = (event) => {
    event.preventDefault();
    send(input, go, said);
  };
  const fields = way() === "unix_user" ? [said] : [h("label", { for: "token" }, t(`login.${way() === "login" ? "address" : "token"}`)), input, said, go];
  $("login").replaceChildren(h("form", { class: "card", onsubmit: submit },
    h("h2", {}, session.name ? t("login.to", { name: session.name }) : t("login.title")), ...how(), ...fields));
  $("login").hidden = false;
  said.textContent = problem ? told(problem).text : "";
  input.focus();
}

async function send(input, go, said) {
  go.disabled = true;
  said.textContent = "";
  try {
    await signIn(tokenIn(input.value.trim()) ?? input.value.trim());
    submitted();
  } catch (error) {
    said.textContent = toldOf(error).text;
    input.select();
  }
  go.disabled = false;
}

/** By what one is let in here, as the session tells it. */
const way = () => session.sign_in ?? "login";

/** How to come by what is asked for: words, the command, and what else there is to say of that. */
function how() {
  const [command, more] = { token_file: ["otpsup web token NAME --tokens FILE", t("login.roles")], unix_user: [] }[way()] ?? [tellsIt()];
  return [
    h("p", {}, t(`login.words.${way()}`), " ", command && h("code", {}, command)),
    more && h("p", {}, more),
  ].filter(Boolean);
}

/** The command that tells what the server has made for the user of the tree. */
function tellsIt() {
  if (!session.name) return "otpsup web login";
  const isPlain = /^[\w@%+=:,./-]+$/.test(session.name);
  return `otpsup web login --tree ${isPlain ? session.name : `'${session.name.replaceAll("'", "'\\''")}'`}`;
}

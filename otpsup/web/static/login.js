// Who is there? By the session's cookie, or by a token.

import { get, session, signIn } from "./api.js";
import { $, h } from "./dom.js";
import { t } from "./i18n.js";

/** Resolves once somebody is signed in. */
export async function signedIn() {
  await byFragment();
  if (await isKnown()) return;
  await byForm();
  await isKnown();
}

async function isKnown() {
  try {
    Object.assign(session, await get("session"));
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  return session.role !== null;
}

/** A URL that ends in `#token=...` signs in; a fragment is not sent, and leaves no trace in logs. */
async function byFragment() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  await signIn(token).catch(() => {});
}

function byForm() {
  return new Promise((resolve) => {
    const problem = h("p", { class: "problem", role: "alert", lang: "en" });
    const input = h("input", { id: "token", name: "token", type: "password", autocomplete: "current-password", required: true });
    const go = h("button", { class: "main" }, t("login.go"));
    const submit = async (event) => {
      event.preventDefault();
      go.disabled = true;
      problem.textContent = "";
      try {
        await signIn(input.value.trim());
        $("login").hidden = true;
        resolve();
      } catch (error) {
        problem.textContent = error.message;
        input.select();
      }
      go.disabled = false;
    };
    $("login").replaceChildren(h("form", { class: "card", onsubmit: submit },
      h("h2", {}, t("login.title")), h("p", {}, t("login.words"), " ", h("code", {}, "otpsup web login")),
      h("label", { for: "token" }, t("login.token")), input, problem, go));
    $("login").hidden = false;
    input.focus();
  });
}

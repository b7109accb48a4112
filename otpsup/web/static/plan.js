// What the tree file would change, as a diff, and doing it.

import { get, may, post } from "./api.js";
import { dialog } from "./dialogs.js";
import { h, hTold } from "./dom.js";
import { t } from "./i18n.js";
import { told, toldOf } from "./told.js";

const SIGNS = { start: "+", stop: "−", restart: "↻", change: "~" };

/** Shows the plan; `after()` is called when it was done. */
export function openPlan(after) {
  const body = h("div", { class: "plan", "aria-live": "polite" });
  const close = h("button", { type: "button", onclick: () => box.close() }, t("close"));
  const box = dialog(t("plan.title"), body, [close], { wide: true });
  const load = async () => {
    close.focus();
    body.replaceChildren(h("p", { class: "wait" }, t("loading")));
    try {
      const changes = await get("plan");
      body.replaceChildren(...diff(changes));
      if (changes.some((change) => change.action !== "stay")) offer(body, close, after);
    } catch (error) {
      body.replaceChildren(failure(error), ...(error.status === 0 ? [h("button", { type: "button", onclick: load }, t("again"))] : []));
    }
  };
  load();
}

const failure = (error) => hTold("p", { class: "problem" }, toldOf(error));

/** The focus stays: who is about to press Enter means to close it. */
function offer(body, close, after) {
  if (!may("admin")) {
    close.before(h("span", { class: "remark" }, t("plan.view")));
    return;
  }
  const go = h("button", { type: "button", class: "main", onclick: () => apply(go, close, body, after) }, t("plan.apply"));
  close.after(go);
}

async function apply(go, close, body, after) {
  close.focus();
  go.disabled = true;
  go.textContent = t("plan.applying");
  try {
    const changes = await post("update", {}, (words) => body.append(h("p", { class: "problem", role: "alert" }, words)));
    body.replaceChildren(ending(changes), ...diff(changes, true));
    close.closest("dialog").querySelector("h2").textContent = t("plan.updated");
    go.remove();
    after();
  } catch (error) {
    body.replaceChildren(failure(error));
    go.disabled = false;
    go.textContent = t("plan.apply");
  }
}

/** Whether all of it was done, in words. */
function ending(changes) {
  const failed = changes.filter((change) => change.error).length;
  return h("p", { class: failed ? "problem" : "good" }, failed ? t("plan.failed", { n: failed }) : t("plan.done"));
}

/** The changes as lines; those that stay are counted. */
function diff(changes, isDone = false) {
  const real = changes.filter((change) => change.action !== "stay");
  const stay = changes.length - real.length;
  const foot = stay ? [h("p", { class: "remark" }, t("plan.stay", { n: stay }))] : [];
  if (!real.length) return isDone ? foot : [h("p", {}, t("plan.same")), ...foot];
  return [h("ul", { class: "diff" }, ...real.map((change) => lineOf(change, isDone))), ...foot];
}

function lineOf({ action, path, why, error }, isDone) {
  const state = error ? "bad" : isDone ? "good" : "";
  return h("li", { class: `${action} ${state}` },
    h("span", { class: "diff-sign", "aria-hidden": "true" }, SIGNS[action]),
    h("span", { class: "diff-what" }, `${t(`plan.${action}`)} `, h("strong", {}, path)),
    why && hTold("span", { class: "diff-why" }, told(why)),
    error && hTold("span", { class: "problem" }, told(error)));
}

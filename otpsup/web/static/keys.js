// The keyboard, outside of fields and dialogs.

import { show } from "./dialogs.js";
import { $, h } from "./dom.js";
import { t } from "./i18n.js";

const VERBS = { r: "restart", x: "stop", s: "start" };

export function beginKeys({ tree, detail, back, clear }) {
  const elsewhere = {
    "/": () => $("filter").focus(),
    "?": showKeys,
    n: () => tree.nextProblem(),
    Escape: () => back(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { target, key } = event;
    if (target === $("filter") && (key === "Escape" || key === "Enter" || key === "ArrowDown")) {
      if (key === "Escape") clear();
      $("tree").focus();
    } else if (target.closest("input:not([type=checkbox]), textarea, select")) {
      return;
    } else if (isOfTree(target) && tree.key(key)) {
      $("tree").focus({ preventScroll: true });
    } else if (VERBS[key] && isOfTree(target)) {
      detail.do(VERBS[key]);
    } else if (elsewhere[key]) {
      elsewhere[key]();
    } else return;
    event.preventDefault();
  });
  $("help").addEventListener("click", showKeys);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address names a child, and no part of the page
    $("tree").focus();
  });
}

/** Arrows move in the tree, too, as long as nothing else has the focus. */
function isOfTree(target) {
  return target === $("tree") || target === document.body;
}

export function showKeys() {
  const rows = [["↑ ↓ ← →", "arrows"], ["Enter", "enter"], ["/", "filter"], ["n", "problems"], ["r x s", "restart"], ["Esc", "escape"], ["?", "help"]];
  show(t("keys.title"), h("dl", { class: "keys" }, ...rows.map(([key, what]) =>
    h("div", {}, h("dt", {}, ...key.split(" ").map((each) => h("kbd", {}, each))), h("dd", {}, t(`keys.${what}`))))));
}

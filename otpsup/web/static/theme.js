// Light or dark: as the system has it, or as was chosen.

import { $ } from "./dom.js";
import { onLanguage, t } from "./i18n.js";

const ORDER = ["auto", "light", "dark"];
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };

export function beginTheme() {
  const stored = localStorage.getItem("otpsup.theme");
  set(ORDER.includes(stored) ? stored : "auto");
  $("theme").addEventListener("click", () => {
    const next = ORDER[(ORDER.indexOf(document.documentElement.dataset.theme) + 1) % ORDER.length];
    localStorage.setItem("otpsup.theme", next);
    set(next);
  });
  onLanguage(() => set(document.documentElement.dataset.theme));
}

function set(theme) {
  document.documentElement.dataset.theme = theme;
  const button = $("theme");
  button.textContent = SIGNS[theme];
  button.setAttribute("aria-label", t(`theme.${theme}`));
  button.title = t(`theme.${theme}`);
}

// The texts of the page in both languages. What the tree itself says ("why", events, errors) is in told.js; what a
// child writes stays as it is.

import { en } from "./texts-en.js";
import { zh } from "./texts-zh.js";

const TEXTS = { en, zh };
const listeners = new Set();
let language = stored() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

function stored() {
  const found = localStorage.getItem("otpsup.language");
  return found in TEXTS ? found : null;
}

/** A text. In one that has two forms, the first is for a `n` of 1. */
export function t(key, values = {}) {
  const found = TEXTS[language][key] ?? en[key] ?? key;
  const text = Array.isArray(found) ? found[values.n === 1 ? 0 : 1] : found;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

export const has = (key) => key in en;

export const current = () => language;

export function onLanguage(listener) {
  listeners.add(listener);
}

export function setLanguage(to) {
  language = to;
  localStorage.setItem("otpsup.language", to);
  translate();
  listeners.forEach((listener) => listener());
}

/** The texts that stand in the document itself. */
export function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);
  for (const each of document.querySelectorAll("[data-label]")) {
    each.setAttribute("aria-label", t(each.dataset.label));
    each.title = t(each.dataset.label);
  }
  for (const each of document.querySelectorAll("[data-placeholder]")) each.placeholder = t(each.dataset.placeholder);
}

/** A time span in two parts at most: 5 s, 3 min, 2 h 4 min, 6 d 3 h. */
export function span(seconds) {
  const n = Math.max(0, Math.floor(seconds));
  if (n < 60) return t("span.s", { s: n });
  if (n < 3600) return t("span.m", { m: Math.floor(n / 60) });
  const [d, h, m] = [Math.floor(n / 86400), Math.floor((n % 86400) / 3600), Math.floor((n % 3600) / 60)];
  if (d) return t(h ? "span.d" : "span.d0", { d, h });
  return t(m ? "span.h" : "span.h0", { h, m });
}

const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const formats = new Map(); // to make one takes a hundred times as long as to use it

function format(name, options) {
  const key = `${language} ${name}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(document.documentElement.lang, options));
  return formats.get(key);
}

/** The time of a day; with the day, if that is another than today. */
export function clock(at) {
  const when = new Date(at * 1000);
  const isToday = when.toDateString() === new Date().toDateString();
  return (isToday ? format("time", TIME) : format("day", { month: "short", day: "numeric", ...TIME })).format(when);
}

/** The same, with the day and the time zone. */
export function fullTime(at) {
  return format("full", { dateStyle: "medium", timeStyle: "long" }).format(new Date(at * 1000));
}

export function bytes(n) {
  if (!n) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = Math.min(4, Math.floor(Math.log(n) / Math.log(1024)));
  const value = n / 1024 ** power;
  return `${value < 10 && power > 1 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

export function cores(cpu) {
  return `${cpu * 100 < 9.95 ? (cpu * 100).toFixed(1) : Math.round(cpu * 100)} %`;
}

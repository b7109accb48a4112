// Elements in one line. Texts are always texts: nothing a child says becomes HTML.

const LONG_PRESS = 10_000; // ms; who holds it longer selects, or drags

/** An element: `h("button", { class: "quiet", onclick: go }, "Go")`. */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Sets a text only if it is another one, so that nothing is laid out or read aloud in vain. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Has a box hold these, in this order. Those that are there are not touched: a press of a button that
 * has begun goes on, and what has the focus keeps it. */
export function arrange(box, items) {
  const wanted = new Set(items);
  for (const each of [...box.children]) if (!wanted.has(each)) each.remove();
  items.forEach((item, place) => {
    const there = box.children[place] ?? null;
    if (there === item) return;
    if (item.parentNode === box && box.moveBefore) box.moveBefore(item, there);
    else box.insertBefore(item, there);
  });
}

/** A path of which the last name counts; it is broken after a slash, if at all. */
export function named(path) {
  const names = path.split("/");
  const parents = names.slice(0, -1).flatMap((name) => [`${name}/`, h("wbr", {})]);
  return [parents.length > 0 && h("span", { class: "parents" }, ...parents), names.at(-1)].filter(Boolean);
}

let pressed = -Infinity;
addEventListener("pointerdown", () => (pressed = performance.now()), true);
for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => (pressed = -Infinity), true);

/** Whether somebody is just pressing something; what he means must not move. */
export const isPressed = () => pressed > performance.now() - LONG_PRESS;

const drawn = new WeakMap(); // by element, its parts

/** The same for parts `{text, lang}`, see told.js, with this between them. */
export function sayParts(element, parts, joint = " · ") {
  const now = JSON.stringify(parts);
  if (drawn.get(element) === now) return;
  drawn.set(element, now);
  const isOne = parts.every(({ lang }) => lang === parts[0].lang);
  element.replaceChildren(...(isOne ? [parts.map(({ text }) => text).join(joint)] : spans(parts, joint)));
  if (isOne && parts[0]?.lang) element.lang = parts[0].lang;
  else element.removeAttribute("lang");
}

function spans(parts, joint) {
  return parts.flatMap((part, at) => [at > 0 && joint, part.lang ? h("span", { lang: part.lang }, part.text) : part.text].filter(Boolean));
}

/** An element that says one such part. */
export function hTold(tag, props, { text, lang }) {
  return h(tag, { ...props, lang }, text);
}

/** Calls `work` now, or, if that was less than so many ms ago, once later. */
export function sometimes(work, ms) {
  let last = -Infinity;
  let timer = null;
  const go = () => {
    timer = null;
    last = performance.now();
    work();
  };
  return () => {
    const left = last + ms - performance.now();
    if (left <= 0) go();
    else timer ??= setTimeout(go, left);
  };
}

/** Calls `work` once a frame at most, however often it is asked for. */
export function oncePerFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

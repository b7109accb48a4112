// Elements in one line. Texts are always texts: nothing a child says becomes HTML.

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

// A shape for each mood: who cannot tell the colours apart tells the shapes.

import { s } from "./dom.js";

const SHAPES = {
  up: () => [s("circle", { cx: 8, cy: 8, r: 5 })],
  unready: () => [
    s("circle", { cx: 8, cy: 8, r: 4.75, class: "line" }),
    s("path", { d: "M8 3.25 A4.75 4.75 0 0 0 8 12.75 Z" }),
  ],
  starting: () => [s("circle", { cx: 8, cy: 8, r: 5, class: "line dashed" })],
  stopping: () => [s("rect", { x: 3.5, y: 3.5, width: 9, height: 9, rx: 1.5, class: "line" })],
  restarting: () => [s("path", { d: "M8 2.5 L14 13 H2 Z" })],
  failed: () => [s("path", { d: "M4 4 L12 12 M12 4 L4 12", class: "line thick" })],
  unsteady: () => [
    s("path", { d: "M12.6 6.2 A5 5 0 1 0 13 8.6", class: "line" }),
    s("path", { d: "M14.6 2.6 L13.7 7.6 L9.4 5 Z" }),
  ],
  waiting: () => [s("path", { d: "M5.5 3.5 V12.5 M10.5 3.5 V12.5", class: "line thick" })],
  off: () => [s("path", { d: "M3.5 8 H12.5", class: "line thick" })],
};

/** The mark of a mood; a label beside it says the same in words. */
export function mark(mood) {
  return s("svg", { viewBox: "0 0 16 16", class: `mark ${mood}`, "aria-hidden": "true" }, ...SHAPES[mood]());
}

const ICON_COLOURS = { up: "#1a7f4b", moving: "#b26a00", bad: "#c4314b", none: "#7a7f87" };
const ICON_SHAPES = {
  up: '<circle cx="8" cy="8" r="6"/>',
  moving: '<path d="M8 1.5 15 14H1Z"/>',
  bad: '<path d="M8 0 16 8 8 16 0 8Z"/>',
  none: '<path d="M2 7h12v2H2z"/>',
};

/** The icon of the tab, by colour and by shape. */
export function icon(kind) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="${ICON_COLOURS[kind]}">${ICON_SHAPES[kind]}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

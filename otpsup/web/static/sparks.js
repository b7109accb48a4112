// Small lines of what a child used.

import { s } from "./dom.js";

/** Points of a line: `values` from left to right, the largest at the top. */
export function points(values, width, height, least) {
  const most = Math.max(least, ...values);
  const step = width / Math.max(1, values.length - 1);
  return values.map((v, i) => `${(i * step).toFixed(1)},${(height - 1 - (v / most) * (height - 2)).toFixed(1)}`);
}

/** A line in an SVG of this size, with what is under it filled. */
export function spark(values, { width, height, least, label }) {
  const props = { viewBox: `0 0 ${width} ${height}`, class: "spark", preserveAspectRatio: "none" };
  const hidden = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  const svg = s("svg", { ...props, ...hidden });
  if (values.length < 2) return svg;
  const line = points(values, width, height, least).join(" ");
  svg.append(
    s("polygon", { points: `0,${height} ${line} ${width},${height}`, class: "under" }),
    s("polyline", { points: line, class: "over", "vector-effect": "non-scaling-stroke" }),
  );
  return svg;
}

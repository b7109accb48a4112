// A line as a terminal would show it: its text in pieces, each with classes for how it looks.
// Colours and bold are those of ECMA-48, 8.3.117, "Select graphic rendition" (SGR).

const SGR = /\x1b\[([\d;]*)m/g;
const ESCAPES = /\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])|[\x00-\x08\x0b-\x1f\x7f]/g;
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** `[{text, look}]`: what is left of a line when all of it is written. */
export function pieces(raw) {
  const line = raw.replace(/\r+$/, "");
  const last = line.slice(line.lastIndexOf("\r") + 1); // the rest was written over
  const found = [];
  let style = {};
  let from = 0;
  const take = (to) => {
    const text = last.slice(from, to).replace(ESCAPES, "");
    if (text) found.push({ text, look: [style.bold && "sgr-bold", style.colour && `sgr-${style.colour}`].filter(Boolean).join(" ") });
  };
  for (const match of last.matchAll(SGR)) {
    take(match.index);
    style = after(style, match[1].split(";").map(Number));
    from = match.index + match[0].length;
  }
  take(last.length);
  return found;
}

function after(before, codes) {
  let style = { ...before };
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i];
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 22) style.bold = false;
    else if (code === 39) style.colour = null;
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) style.colour = code === 90 ? "grey" : COLOURS[code % 10];
    else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : 4; // one of many colours: as it was
  }
  return style;
}

/** Those from one place of the text to another. */
export function cut(all, from, to) {
  const found = [];
  let at = 0;
  for (const { text, look } of all) {
    const part = text.slice(Math.max(0, from - at), Math.max(0, to - at));
    if (part) found.push({ text: part, look });
    at += text.length;
  }
  return found;
}

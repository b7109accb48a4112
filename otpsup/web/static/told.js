// What the tree says, in the language of who reads it. Only what is drawn is translated: what is kept, searched
// and asked for stays as the tree says it.

import { current } from "./i18n.js";
import { translator } from "./sentences.js";
import { sentences } from "./sentences-zh.js";

const CATALOGUES = { zh: sentences };
const translators = {}; // by language, made when they are wanted first
const MOST = 4000; // sentences that are known; a page keeps half as many events
const known = new Map();

/** What the tree says, as a part of what is shown: `{text, lang}`. `lang` is "en" for what is English, as long
 * as no catalogue has it, and null for what is in the language of the page. */
export function told(text, kind = "line") {
  const language = current();
  const found = language in CATALOGUES ? translated(text, kind, language) : null;
  return found === null ? { text, lang: "en" } : { text: found, lang: null };
}

/** The same for what others say, such as a child: it stays as it is. */
export const asItIs = (text) => ({ text, lang: "en" });

/** The same for a text of the page's own. */
export const own = (text) => ({ text, lang: current() === "en" ? "en" : null });

/** What is wrong: in words of the tree, or, if that has not answered, of the page. */
export const toldOf = (error) => (error.status ? told(error.message) : own(error.message));

function translated(text, kind, language) {
  const key = `${language} ${kind} ${text}`;
  if (known.has(key)) return known.get(key);
  translators[language] ??= translator(CATALOGUES[language]);
  const found = translators[language](text, kind);
  if (known.size >= MOST) known.delete(known.keys().next().value);
  known.set(key, found);
  return found;
}

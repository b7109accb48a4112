// What the tree says, in another language: by a catalogue of templates, as gettext has one of texts.
//
// `{ended: {"{name} ended with exit code {n}": "{name} 退出（退出码 {n}）"}}`: by its kind, what is said, and
// what that is. A placeholder is called by the kind of what may stand there, with a digit if there are
// several; that is a kind of the catalogue, or one of `DATA`, which stays as it is. `{reason?}` is a reason if
// it is one that is known, and else stays as it is, too.
//
// Names and what exceptions say may be anything, so a sentence can often be read in several ways. That one
// counts by which least is left as it is; of equal ones, that of the template with most words.

const MOST_TRIES = 20_000; // a text that takes more than that was made to be read in too many ways
const LONGEST = 8_000; // characters

const any = (form) => (text) => (form.test(text) ? { text, left: 0 } : null);
// As repr() of Python quotes: in double quotes only what has a single one in it.
const SINGLE = String.raw`'(?:[^'\\]|\\.)*'`;
const DOUBLE = String.raw`"(?=[^"]*')(?:[^"\\]|\\.)*"`;
const NAME = new RegExp(`^(?:(?=.* )(?:${SINGLE}|${DOUBLE})|[^ ]+)$`, "s");

/** What may stand in a placeholder and is not translated: `{text, left}`, or null. `left` is how much of it
 * might as well have been something else. */
const DATA = {
  n: any(/^[\d,]+$/),
  number: any(/^(?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf)$/),
  signal: any(/^SIG[A-Z0-9+-]+$/),
  strategy: any(/^(?:one_for_one|one_for_all|rest_for_one)$/),
  field: any(/^[a-z][a-z_]*$/),
  name: any(NAME), // as `named` in otpsup/engine/words.py has it
  names: (text) => names(text),
  path: (text) => ({ text, left: NAME.test(text) ? 0 : text.length }),
  quoted: any(new RegExp(`^(?:${SINGLE}|${DOUBLE}|['"].*\\.\\.\\.)$`, "s")),
  value: any(new RegExp(`^(?:${SINGLE}|${DOUBLE}|\\[.*\\]|\\{.*\\}|[^ ,[{'"]+|[[{'"].*\\.\\.\\.)$`, "s")),
  data: (text) => ({ text, left: 1 }),
  raw: (text) => ({ text, left: text.length }),
};

const PLAIN = new Set(["n", "number", "signal", "strategy", "field"]); // in these there is no blank

function names(text) {
  const all = text.match(/(?:'[^']*'|"[^"]*"|[^ ]+?)(?:, |$)/g) ?? [];
  return all.join("") === text ? { text: all.map((each) => each.replace(/, $/, "")).join("、"), left: 0 } : null;
}

/** A function that translates a text: `(text, kind) => text`, or null if the catalogue does not have it. */
export function translator(catalogue) {
  const kinds = new Map(Object.entries(catalogue).map(([kind, templates]) => [kind, compiled(templates)]));
  for (const templates of kinds.values()) for (const { slots } of templates) for (const slot of slots) slot.blanks = slot.isOpen ? Infinity : blanks(slot.kind, kinds);
  return (text, kind) => {
    if (text.length > LONGEST) return null;
    const indent = text.match(/^ */)[0];
    const found = new Reading(kinds).of(text.slice(indent.length), kind);
    return found && indent + found.text;
  };
}

/** How many blanks may be in what is of this kind, if it does not begin with a quotation mark: where it ends need
 * not be looked for further on. */
function blanks(kind, kinds) {
  if (!kinds.has(kind)) return PLAIN.has(kind) || kind === "name" ? 0 : Infinity;
  return Math.max(...kinds.get(kind).map(({ texts, slots }) => {
    const isAlias = slots.length === 1 && texts.join("") === "" && slots[0].kind === "name";
    if (!isAlias && !slots.every((slot) => PLAIN.has(slot.kind))) return Infinity;
    return texts.join("").split(" ").length - 1;
  }));
}

function compiled(templates) {
  const all = Object.entries(templates).map(([from, to]) => ({ ...cut(from), to: cut(to) }));
  const words = ({ texts }) => texts.join("").length;
  return all.sort((a, b) => words(b) - words(a));
}

/** A template as texts, and the placeholders between them. */
function cut(template) {
  const parts = template.split(/\{([a-z]+\d?\??)\}/);
  const slots = parts.filter((_, i) => i % 2).map((name) => ({ name: name.replace("?", ""), kind: name.replace(/\d?\??$/, ""), isOpen: name.endsWith("?") }));
  return { texts: parts.filter((_, i) => i % 2 === 0), slots };
}

/** One text that is read; what was read of a part of it is known from then on. */
class Reading {
  constructor(kinds) {
    this.kinds = kinds;
    this.known = new Map();
    this.left = MOST_TRIES;
  }

  /** The best way to read a text as one of this kind: `{text, left}`, or null. */
  of(text, kind) {
    if (!this.kinds.has(kind)) return DATA[kind](text);
    if (!this.known.has(kind)) this.known.set(kind, new Map());
    const known = this.known.get(kind);
    if (!known.has(text)) {
      known.set(text, null); // it is not part of itself
      known.set(text, this.#best(text, this.kinds.get(kind)));
    }
    return known.get(text);
  }

  #best(text, templates) {
    let best = null;
    for (const template of templates) {
      if (!mayBe(text, template.texts)) continue;
      const found = this.#slots(text, template, 0, template.texts[0].length, best?.left ?? Infinity);
      if (found) best = { text: filled(template.to, found.values), left: found.left };
      if (best?.left === 0) break;
    }
    return best;
  }

  /** What stands in the placeholders from this one on, the text from `from` on: `{values, left}`, if less is
   * left than `most`. */
  #slots(text, template, at, from, most) {
    const { texts, slots } = template;
    if (at === slots.length) return from === text.length ? { values: {}, left: 0 } : null;
    const next = texts[at + 1];
    const isLast = at === slots.length - 1;
    const furthest = limit(text, from, slots[at].blanks);
    let best = null;
    for (let end = isLast ? text.length - next.length : text.indexOf(next, from + 1); end > from && end <= furthest; end = isLast ? -1 : text.indexOf(next, end + 1)) {
      if ((this.left -= 1) < 0) return null;
      const less = best?.left ?? most;
      const own = this.#slot(text.slice(from, end), slots[at]);
      if (!own || own.left >= less) continue;
      const rest = this.#slots(text, template, at + 1, end + next.length, less - own.left);
      if (rest) best = { values: { ...rest.values, [slots[at].name]: own.text }, left: own.left + rest.left };
      if (best?.left === 0) break;
    }
    return best;
  }

  #slot(text, { kind, isOpen }) {
    return this.of(text, kind) ?? (isOpen ? DATA.raw(text) : null);
  }
}

/** Where that which begins at `from` ends at the latest, if it has so many blanks at most. */
function limit(text, from, most) {
  if (most === Infinity || text[from] === "'" || text[from] === '"') return text.length;
  let end = from - 1;
  for (let n = 0; n <= most; n += 1) {
    end = text.indexOf(" ", end + 1);
    if (end < 0) return text.length;
  }
  return end;
}

/** Whether the words of a template stand in a text, in their order: most do not. */
function mayBe(text, texts) {
  const last = texts.at(-1);
  if (!text.startsWith(texts[0]) || !text.endsWith(last)) return false;
  if (texts.length === 1) return text === last;
  let from = texts[0].length;
  for (let i = 1; i < texts.length - 1; i += 1) {
    const at = text.indexOf(texts[i], from + 1);
    if (at < 0) return false;
    from = at + texts[i].length;
  }
  return text.length - last.length > from;
}

const HAN = /\p{Script=Han}/u;
const OTHER = /^(?!\p{Script=Han})[\p{L}\p{N}]/u;
const WIDE = /[，。：；、（）？“”]/;

/** A template with these values. Between Chinese characters and others there is a blank, and none beside
 * punctuation, which is wide. */
function filled({ texts, slots }, values) {
  let all = texts[0];
  slots.forEach(({ name }, i) => {
    all = joined(joined(all, values[name]), texts[i + 1]);
  });
  return all;
}

function joined(a, b) {
  const [left, right] = [a.at(-1) ?? "", b[0] ?? ""];
  if ((HAN.test(left) && OTHER.test(right)) || (OTHER.test(left) && HAN.test(right))) return `${a} ${b}`;
  if (left === " " && WIDE.test(right)) return a.slice(0, -1) + b;
  if (right === " " && WIDE.test(left)) return a + b.slice(1);
  return a + b;
}

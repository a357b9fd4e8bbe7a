/**
 * Texts of which one stands, in whatever case, in everything that a regular expression finds. By them most values are told that need not
 * be held against it. What is not understood here says nothing, so it is never wrong to ask the expression itself.
 */

/** What is known of a part of a pattern. */
interface Known {
  /** All that it can match, in lower case; undefined where that is too much, or not known. */
  exact: readonly string[] | undefined;
  /** One of these stands in all that it matches; undefined where none is known. */
  required: readonly string[] | undefined;
}

/** Texts of a set, at most, and characters of one. */
const SET_MAX = 64;
const TEXT_MAX = 64;
const CLASS_MAX = 8;
const DEPTH_MAX = 100;
/** Shorter ones stand nearly everywhere, but for characters that paths, names and most command lines do not have. */
const LENGTH_MIN = 2;
const RARE = /[[\]{}<>|&;`~^#%@()!?*$"'\\]/;

const NOTHING: Known = { exact: undefined, required: undefined };
const EMPTY: Known = { exact: [""], required: undefined };
/** Characters that mean themselves behind a backslash. */
const PLAIN_ESCAPE = /[^\p{L}\p{N}]/u;
/** In lower case `ſ` is no `s`, but in any case it is: a text of such letters is not told by its lower case. */
const FOLDS_OTHERWISE = /\P{ASCII}/u;

/** One of these, in lower case, is a part of every text that the pattern finds, in lower case; empty where nothing is known. */
export function requiredAny(source: string): readonly string[] {
  const reader = new Reader(source);
  try {
    const known = reader.alternatives(0);
    if (!reader.isAtEnd) return [];
    const best = bestOf([candidate(known.exact), known.required]);
    return best ?? [];
  } catch (error) {
    if (error instanceof NotUnderstood) return [];
    throw error;
  }
}

class NotUnderstood extends Error {
  override readonly name = "NotUnderstood";
}

class Reader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#source.length;
  }

  get #next(): string {
    return this.#source[this.#at] ?? "";
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  alternatives(depth: number): Known {
    if (depth > DEPTH_MAX) throw new NotUnderstood();
    const all = [this.#sequence(depth)];
    while (this.#take("|")) all.push(this.#sequence(depth));
    const [only] = all;
    if (all.length === 1 && only !== undefined) return only;
    return { exact: union(all.map(({ exact }) => exact)), required: union(all.map((each) => requiredOf(each))) };
  }

  #sequence(depth: number): Known {
    let run: readonly string[] = [""];
    let isWhole = true;
    let best: readonly string[] | undefined;
    while (!this.isAtEnd && this.#next !== "|" && this.#next !== ")") {
      const part = this.#repeated(depth);
      const longer = part.exact === undefined ? undefined : product(run, part.exact);
      if (longer !== undefined) {
        run = longer;
        continue;
      }
      isWhole = false;
      best = bestOf([best, candidate(run), part.required, candidate(part.exact)]);
      // What follows goes on from there.
      run = part.exact ?? [""];
    }
    if (isWhole) return { exact: run, required: undefined };
    return { exact: undefined, required: bestOf([best, candidate(run)]) };
  }

  #repeated(depth: number): Known {
    let known = this.#one(depth);
    for (;;) {
      const least = this.#least();
      if (least === undefined) return known;
      known = least === 0 ? NOTHING : { exact: undefined, required: requiredOf(known) };
    }
  }

  /** How often what is before is there at least; undefined where nothing says so. */
  #least(): number | undefined {
    if (this.#take("*") || this.#take("?")) return this.#lazily(0);
    if (this.#take("+")) return this.#lazily(1);
    if (this.#next !== "{") return undefined;
    const range = /^\{(\d{1,4})(?:,\d{0,4})?\}/.exec(this.#source.slice(this.#at, this.#at + 12));
    if (range === null) throw new NotUnderstood();
    this.#at += range[0].length;
    return this.#lazily(Number(range[1]));
  }

  #lazily(least: number): number {
    this.#take("?");
    return least;
  }

  #one(depth: number): Known {
    const character = this.#next;
    this.#at++;
    switch (character) {
      case "(":
        return this.#group(depth);
      case "[":
        return this.#class();
      case "\\":
        return this.#escape();
      case "^":
      case "$":
        return EMPTY;
      case ".":
        return NOTHING;
      case "*":
      case "+":
      case "?":
      case "{":
        throw new NotUnderstood();
      default:
        return plain(character);
    }
  }

  #group(depth: number): Known {
    if (this.#take("?")) {
      const flags = /^(?:[imsU-]*:|P?<\w+>)/.exec(this.#source.slice(this.#at, this.#at + 128));
      // `(?i)` is for what follows; letters are taken in whatever case here.
      const alone = /^[imsU-]+\)/.exec(this.#source.slice(this.#at, this.#at + 16));
      if (alone !== null) {
        this.#at += alone[0].length;
        return EMPTY;
      }
      if (flags === null) throw new NotUnderstood();
      this.#at += flags[0].length;
    }
    const known = this.alternatives(depth + 1);
    if (!this.#take(")")) throw new NotUnderstood();
    return known;
  }

  #escape(): Known {
    const character = this.#next;
    this.#at++;
    if (character === "") throw new NotUnderstood();
    if (PLAIN_ESCAPE.test(character)) return plain(character);
    if ("bBAz".includes(character)) return EMPTY;
    if ("dDsSwWCtnrfva".includes(character)) return NOTHING;
    // \x41, \pL, \Q…\E and digits have more behind them.
    throw new NotUnderstood();
  }

  #class(): Known {
    const isNegated = this.#take("^");
    const characters: string[] = [];
    let isPlain = !isNegated;
    for (let isFirst = true; isFirst || this.#next !== "]"; isFirst = false) {
      if (this.isAtEnd) throw new NotUnderstood();
      const character = this.#next;
      this.#at++;
      if (character === "[" && this.#next === ":") {
        const close = this.#source.indexOf(":]", this.#at);
        if (close < 0) throw new NotUnderstood();
        this.#at = close + 2;
        isPlain = false;
      } else if (character === "\\") {
        const escaped = this.#next;
        if (!PLAIN_ESCAPE.test(escaped)) isPlain = false;
        // What has more behind it is not taken apart.
        if ("xpP0123456789Q".includes(escaped)) throw new NotUnderstood();
        characters.push(escaped);
        this.#at++;
      } else if (character === "-") isPlain = false;
      else characters.push(character);
    }
    this.#at++;
    if (!isPlain || characters.length === 0 || characters.length > CLASS_MAX) return NOTHING;
    const each = characters.map((character) => plain(character).exact);
    const exact = union(each);
    return { exact, required: undefined };
  }
}

function plain(character: string): Known {
  return FOLDS_OTHERWISE.test(character) ? NOTHING : { exact: [character.toLowerCase()], required: undefined };
}

function requiredOf({ exact, required }: Known): readonly string[] | undefined {
  return bestOf([candidate(exact), required]);
}

/** A set that is worth asking for: each of its texts says something. */
function candidate(texts: readonly string[] | undefined): readonly string[] | undefined {
  if (texts === undefined || texts.length === 0) return undefined;
  return texts.every((text) => text.length >= LENGTH_MIN || RARE.test(text)) ? texts : undefined;
}

/** The one whose shortest text is longest; of those the smaller one. */
function bestOf(sets: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  let best: readonly string[] | undefined;
  for (const set of sets) {
    if (set === undefined) continue;
    if (best === undefined) {
      best = set;
      continue;
    }
    const [now, before] = [shortest(set), shortest(best)];
    if (now > before || (now === before && set.length < best.length)) best = set;
  }
  return best;
}

/** Longer ones say hardly more. */
function shortest(set: readonly string[]): number {
  return Math.min(8, ...set.map(({ length }) => length));
}

function union(sets: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  const all = new Set<string>();
  for (const set of sets) {
    if (set === undefined) return undefined;
    for (const text of set) all.add(text);
  }
  return all.size > SET_MAX ? undefined : [...all];
}

/** Each with each behind it; undefined where that is too much. */
function product(first: readonly string[], second: readonly string[]): readonly string[] | undefined {
  if (first.length * second.length > SET_MAX) return undefined;
  const texts = first.flatMap((a) => second.map((b) => a + b));
  return texts.some(({ length }) => length > TEXT_MAX) ? undefined : [...new Set(texts)];
}

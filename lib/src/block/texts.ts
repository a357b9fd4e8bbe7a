/** The texts of a string table: made at once where they are few, and each when it is first asked for where they are many. */
import type { WireReader } from "./wire.ts";

/** Text that is not UTF-8 is no text: nothing is replaced. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
/** A character for each byte. */
const latin1 = new TextDecoder("latin1");
/** Of a table of so many bytes most strings are not asked for. */
const LATE_BYTES_MIN = 16_384;
/** Where more than one text of so many was asked for, the others are as well. */
const ALL_SHARE = 8;
/** Up to so many bytes a text is made sooner than a decoder begins. */
const SHORT_MAX = 128;
const HIGH_BITS = 0x80808080;
const HIGH_BIT = 0x80;

/** By index; 0 is the empty text, and bytes that are no text stand for an empty one. */
export class Texts {
  readonly count: number;
  readonly #known: (string | undefined)[];
  readonly #late: LateTexts | undefined;

  private constructor(count: number, known: (string | undefined)[], late: LateTexts | undefined) {
    this.count = count;
    this.#known = known;
    this.#late = late;
  }

  /**
   * `offsets`: where in `data` each string begins, and where the last one ends; text n is string n - 1. `binary`: those that are bytes,
   * ascending.
   * Throws a BlockError where one of the others is not UTF-8.
   */
  static read(data: Uint8Array, offsets: Uint32Array, binary: readonly number[], reader: WireReader): Texts {
    if (data.length < LATE_BYTES_MIN) {
      const known = readAll(data, offsets, binary, reader);
      return new Texts(known.length, known, undefined);
    }
    const known = new Array<string | undefined>(offsets.length);
    known[0] = "";
    for (const index of binary) known[index] = "";
    for (const index of stringsNotAscii(data, offsets))
      known[index] ??= decode(data.subarray(offsets[index - 1], offsets[index]), reader);
    return new Texts(offsets.length, known, new LateTexts(data, offsets, known));
  }

  /** Undefined where there is none. */
  at(index: number): string | undefined {
    return this.#known[index] ?? this.#late?.at(index);
  }

  all(): readonly string[] {
    this.#late?.readAll();
    return this.#known as string[];
  }
}

/** Texts of ASCII, and no others, that nobody asked for yet. */
class LateTexts {
  readonly #data: Uint8Array;
  readonly #offsets: Uint32Array;
  readonly #known: (string | undefined)[];
  #left: number;

  constructor(data: Uint8Array, offsets: Uint32Array, known: (string | undefined)[]) {
    this.#data = data;
    this.#offsets = offsets;
    this.#known = known;
    this.#left = Math.ceil(offsets.length / ALL_SHARE);
  }

  at(index: number): string | undefined {
    if (index >= this.#offsets.length || index < 0) return undefined;
    // All of them together take as long as one in eight by itself.
    if (this.#left-- <= 0) {
      this.readAll();
      return this.#known[index];
    }
    const bytes = this.#data.subarray(this.#offsets[index - 1], this.#offsets[index]);
    // Not put together character by character, which makes a tree of as many strings.
    const text = bytes.length > SHORT_MAX ? decoder.decode(bytes) : Reflect.apply(String.fromCharCode, null, bytes);
    this.#known[index] = text;
    return text;
  }

  readAll(): void {
    const whole = latin1.decode(this.#data);
    for (let index = 1; index < this.#offsets.length; index++)
      this.#known[index] ??= whole.slice(this.#offsets[index - 1], this.#offsets[index]);
    this.#left = Number.POSITIVE_INFINITY;
  }
}

function readAll(data: Uint8Array, offsets: Uint32Array, binary: readonly number[], reader: WireReader): string[] {
  const texts = [""];
  let first = 1;
  for (const index of binary) {
    readRun(data, offsets, first, index, texts, reader);
    texts.push("");
    first = index + 1;
  }
  readRun(data, offsets, first, offsets.length, texts, reader);
  return texts;
}

/**
 * Reads texts that lie one after the other. They are decoded together, and each is a slice of that: decoding one by one takes as long
 * for a text of one byte as for one of hundreds.
 */
function readRun(
  data: Uint8Array,
  offsets: Uint32Array,
  first: number,
  next: number,
  texts: string[],
  reader: WireReader,
): void {
  const start = offsets[first - 1] ?? 0;
  const end = offsets[next - 1] ?? 0;
  if (end === start) return;
  const decoded = decode(data.subarray(start, end), reader);
  // No sequence of several bytes gives as many characters as it has bytes: equal lengths mean equal offsets.
  const isAscii = decoded.length === end - start;
  let character = 0;
  for (let index = first; index < next; index++) {
    const from = offsets[index - 1] ?? 0;
    const to = offsets[index] ?? 0;
    const after = character + (isAscii ? to - from : characters(data, from, to));
    if (after < character) reader.fail("a string that is not UTF-8");
    texts.push(decoded.slice(character, after));
    character = after;
  }
}

function decode(bytes: Uint8Array, reader: WireReader): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return reader.fail("a string that is not UTF-8");
  }
}

/** UTF-16 units of valid UTF-8 from `start` to `end`: one for each sequence, two where it has four bytes. Negative where it begins within one. */
export function characters(data: Uint8Array, start: number, end: number): number {
  // It would begin with the last bytes of a character of the string before.
  if (isContinuation(data[start] ?? 0)) return -1;
  let count = 0;
  for (let at = start; at < end; at++) {
    const byte = data[at] ?? 0;
    if (!isContinuation(byte)) count += byte >= 0xf0 ? 2 : 1;
  }
  return count;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Indexes of the strings that have a byte beyond ASCII, ascending. */
function* stringsNotAscii(data: Uint8Array, offsets: Uint32Array): Generator<number, void, undefined> {
  let index = 1;
  for (let at = nextHigh(data, 0); at < data.length; at = nextHigh(data, offsets[index] ?? 0)) {
    while ((offsets[index] ?? 0) <= at) index++;
    yield index;
  }
}

/** Where the next byte beyond ASCII is; the length where there is none. Looks at four bytes at once. */
function nextHigh(data: Uint8Array, from: number): number {
  const aligned = Math.min(data.length, from + ((4 - ((data.byteOffset + from) & 3)) & 3));
  for (let at = from; at < aligned; at++) if ((data[at] ?? 0) & HIGH_BIT) return at;
  if (aligned === data.length) return aligned;
  const words = new Uint32Array(data.buffer, data.byteOffset + aligned, (data.length - aligned) >> 2);
  let word = 0;
  while (word < words.length && ((words[word] ?? 0) & HIGH_BITS) === 0) word++;
  for (let at = aligned + 4 * word; at < data.length; at++) if ((data[at] ?? 0) & HIGH_BIT) return at;
  return data.length;
}

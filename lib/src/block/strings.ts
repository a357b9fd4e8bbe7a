/** The string table of a block: each distinct string once, in the order of first use. */
import { type ReadingBudget, WritingBudget } from "./budget.ts";
import { BlockError } from "./error.ts";
import { U32List } from "./list.ts";
import type { Span, WireReader, WireWriter } from "./wire.ts";

/** Text that is not UTF-8 is no text: nothing is replaced. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
/** A character for each byte, and another one for another. */
const latin1 = new TextDecoder("latin1");
const NO_BYTES = new Uint8Array(0);
const NO_NUMBERS = new Uint32Array(0);

export class StringTableBuilder {
  readonly #indexes = new Map<string, number>();
  readonly #entries: (string | Uint8Array)[] = [];
  readonly #binary = new U32List();
  readonly #binaryIndexes = new Map<string, number>();
  readonly #lengths = new U32List();
  /** What the block may still hold. */
  readonly budget: WritingBudget = new WritingBudget();
  /** Characters and bytes of all entries. */
  size = 0;

  /** Index of a string; 0 for the empty one. */
  text(value: string): number {
    if (value === "") return 0;
    let index = this.#indexes.get(value);
    if (index === undefined) {
      index = this.#entries.push(value);
      this.size += value.length;
      this.#indexes.set(value, index);
    }
    return index;
  }

  /** As `text`, for one that a row shows; 0 where the block cannot hold more of these. */
  shown(value: string): number {
    return this.budget.spend(value.length) ? this.text(value) : 0;
  }

  /** Index of bytes that are not UTF-8 text and that a row shows; 0 for none. */
  binary(value: Uint8Array): number {
    if (value.length === 0 || !this.budget.spend(value.length)) return 0;
    const key = latin1.decode(value);
    let index = this.#binaryIndexes.get(key);
    if (index === undefined) {
      index = this.#entries.push(value);
      this.size += value.length;
      this.#binary.push(index);
      this.#binaryIndexes.set(key, index);
    }
    return index;
  }

  write(writer: WireWriter, field: number): void {
    const begin = writer.open(field);
    writer.strings(2, this.#entries, this.#binary.length === 0, this.#lengths);
    writer.packed(1, this.#lengths);
    writer.packed(3, this.#binary);
    writer.close(begin);
  }

  clear(): void {
    this.budget.clear();
    this.size = 0;
    this.#indexes.clear();
    this.#entries.length = 0;
    this.#binary.clear();
    this.#binaryIndexes.clear();
    this.#lengths.clear();
  }
}

export class StringTable {
  readonly budget: ReadingBudget;
  readonly #texts: readonly string[];
  readonly #binary: ReadonlyMap<number, Uint8Array>;
  #forViews: StringTable | undefined;

  constructor(texts: readonly string[], binary: ReadonlyMap<number, Uint8Array>, budget: ReadingBudget) {
    this.#texts = texts;
    this.#binary = binary;
    this.budget = budget;
  }

  /** How many there are, with the empty one. */
  get count(): number {
    return this.#texts.length;
  }

  /** True where some are bytes that are no text. */
  get hasBytes(): boolean {
    return this.#binary.size > 0;
  }

  /** True where a text passes; the empty one is not asked. */
  someText(test: (text: string) => boolean): boolean {
    const texts = this.#texts;
    for (let index = 1; index < texts.length; index++) if (test(texts[index] as string)) return true;
    return false;
  }

  /** The same strings with as much to spend again, for those who look at rows before they make them. */
  get forViews(): StringTable {
    this.#forViews ??= new StringTable(this.#texts, this.#binary, this.budget.again());
    return this.#forViews;
  }

  text(index: number, place: string): string {
    const value = this.#texts[index];
    if (value === undefined) return outside(place, index, this.#texts.length);
    return value;
  }

  /** As `text`, for one that a row shows. */
  shown(index: number, place: string): string {
    const value = this.text(index, place);
    this.budget.spend(value.length, place);
    return value;
  }

  /** Bytes that a row shows. */
  binary(index: number, place: string): Uint8Array {
    if (index === 0) return NO_BYTES;
    const value = this.#binary.get(index) ?? outside(place, index, this.#texts.length);
    this.budget.spend(value.length, place);
    return value;
  }
}

function outside(place: string, index: number, size: number): never {
  throw new BlockError("PAYLOAD_MALFORMED", place, `string ${index} of ${size - 1}`);
}

/** Reads a StringTable message that lies in `bytes` from start to end. */
export function readStrings(bytes: Uint8Array, reader: WireReader, budget: ReadingBudget): StringTable {
  const [, lengthSpan, dataSpan, binarySpan] = reader.fields().spans;
  const packed = (span: Span | undefined): Uint32Array =>
    span === undefined ? NO_NUMBERS : reader.within(bytes, span.start, span.end).packed();
  const lengths = packed(lengthSpan);
  const binaryIndexes = packed(binarySpan);
  const data = dataSpan === undefined ? NO_BYTES : bytes.subarray(dataSpan.start, dataSpan.end);
  const texts = [""];
  const binary = new Map<number, Uint8Array>();
  let at = 0;
  let done = 0;
  for (const index of binaryIndexes) {
    if (index <= done || index > lengths.length)
      reader.fail(`binary string ${index} of ${lengths.length}, after ${done}`);
    at = readTexts(data, at, lengths.subarray(done, index - 1), texts, reader);
    const length = lengths[index - 1] ?? 0;
    if (length === 0 || length > data.length - at)
      reader.fail(`a string of ${length} bytes where ${data.length - at} are left`);
    // A copy of its own: the slice of a Buffer would be a view.
    binary.set(index, new Uint8Array(data.subarray(at, at + length)));
    texts.push("");
    at += length;
    done = index;
  }
  at = readTexts(data, at, lengths.subarray(done), texts, reader);
  if (at !== data.length) reader.fail(`${data.length - at} bytes after the last string`);
  return new StringTable(texts, binary, budget);
}

/**
 * Reads texts that lie one after the other from `start`; returns where they end. They are decoded together, and each is a
 * slice of that: decoding one by one takes as long for a text of one byte as for one of hundreds.
 */
function readTexts(data: Uint8Array, start: number, lengths: Uint32Array, texts: string[], reader: WireReader): number {
  let end = start;
  for (const length of lengths) {
    if (length === 0 || length > data.length - end) {
      reader.fail(`a string of ${length} bytes where ${data.length - end} are left`);
    }
    end += length;
  }
  if (end === start) return start;
  const decoded = decode(data.subarray(start, end), reader);
  // No sequence of several bytes gives as many characters as it has bytes: equal lengths mean equal offsets.
  const isAscii = decoded.length === end - start;
  let at = start;
  let character = 0;
  for (const length of lengths) {
    const next = character + (isAscii ? length : characters(data, at, at + length));
    if (next < character) reader.fail("a string that is not UTF-8");
    texts.push(decoded.slice(character, next));
    character = next;
    at += length;
  }
  return end;
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

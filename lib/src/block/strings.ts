/** The string table of a block: each distinct string once, in the order of first use. */
import { type ReadingBudget, WritingBudget } from "./budget.ts";
import { BlockError } from "./error.ts";
import { U32List } from "./list.ts";
import { Texts } from "./texts.ts";
import type { Span, WireReader, WireWriter } from "./wire.ts";

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
  readonly #texts: Texts;
  readonly #binary: ReadonlyMap<number, Uint8Array>;
  #forViews: StringTable | undefined;

  constructor(texts: Texts, binary: ReadonlyMap<number, Uint8Array>, budget: ReadingBudget) {
    this.#texts = texts;
    this.#binary = binary;
    this.budget = budget;
  }

  /** How many there are, with the empty one. */
  get count(): number {
    return this.#texts.count;
  }

  /** True where some are bytes that are no text. */
  get hasBytes(): boolean {
    return this.#binary.size > 0;
  }

  /** True where a text passes; the empty one is not asked. */
  someText(test: (text: string) => boolean): boolean {
    const texts = this.#texts.all();
    for (let index = 1; index < texts.length; index++) if (test(texts[index] as string)) return true;
    return false;
  }

  /** The same strings with as much to spend again, for those who look at rows before they make them. */
  get forViews(): StringTable {
    this.#forViews ??= new StringTable(this.#texts, this.#binary, this.budget.again());
    return this.#forViews;
  }

  text(index: number, place: string): string {
    return this.#texts.at(index) ?? outside(place, index, this.#texts.count);
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
    const value = this.#binary.get(index) ?? outside(place, index, this.#texts.count);
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
  const data = dataSpan === undefined ? NO_BYTES : bytes.subarray(dataSpan.start, dataSpan.end);
  const offsets = offsetsOf(lengths, data, reader);
  const binary = new Map<number, Uint8Array>();
  let last = 0;
  for (const index of packed(binarySpan)) {
    if (index <= last || index > lengths.length)
      reader.fail(`binary string ${index} of ${lengths.length}, after ${last}`);
    // A copy of its own: the slice of a Buffer would be a view.
    binary.set(index, new Uint8Array(data.subarray(offsets[index - 1], offsets[index])));
    last = index;
  }
  return new StringTable(Texts.read(data, offsets, [...binary.keys()], reader), binary, budget);
}

/** Where each string begins, and where the last one ends. */
function offsetsOf(lengths: Uint32Array, data: Uint8Array, reader: WireReader): Uint32Array {
  const offsets = new Uint32Array(lengths.length + 1);
  let end = 0;
  for (let index = 0; index < lengths.length; index++) {
    const length = lengths[index] ?? 0;
    if (length === 0 || length > data.length - end)
      reader.fail(`a string of ${length} bytes where ${data.length - end} are left`);
    end += length;
    offsets[index + 1] = end;
  }
  if (end !== data.length) reader.fail(`${data.length - end} bytes after the last string`);
  return offsets;
}

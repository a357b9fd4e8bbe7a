/** The string table of a block: each distinct string once, in the order of first use. */
import { BlockError } from "./error.ts";
import { U32List } from "./list.ts";
import type { WireReader, WireWriter } from "./wire.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class StringTableBuilder {
  readonly #indexes = new Map<string, number>();
  readonly #entries: (string | Uint8Array)[] = [];
  readonly #binary = new U32List();
  readonly #lengths = new U32List();
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

  /** Index of bytes that are not UTF-8 text; 0 for none. Not looked up: they are rare. */
  binary(value: Uint8Array): number {
    if (value.length === 0) return 0;
    const index = this.#entries.push(value);
    this.size += value.length;
    this.#binary.push(index);
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
    this.size = 0;
    this.#indexes.clear();
    this.#entries.length = 0;
    this.#binary.clear();
    this.#lengths.clear();
  }
}

export class StringTable {
  readonly #texts: readonly string[];
  readonly #binary: ReadonlyMap<number, Uint8Array>;

  constructor(texts: readonly string[], binary: ReadonlyMap<number, Uint8Array>) {
    this.#texts = texts;
    this.#binary = binary;
  }

  static readonly empty: StringTable = new StringTable([""], new Map());

  get size(): number {
    return this.#texts.length;
  }

  text(index: number, place: string): string {
    const value = this.#texts[index];
    if (value === undefined) return outside(place, index, this.#texts.length);
    return value;
  }

  binary(index: number, place: string): Uint8Array {
    if (index === 0) return new Uint8Array(0);
    return this.#binary.get(index) ?? outside(place, index, this.#texts.length);
  }
}

function outside(place: string, index: number, size: number): never {
  throw new BlockError("PAYLOAD_MALFORMED", place, `string ${index} of ${size - 1}`);
}

/** Reads a StringTable message that lies in `bytes` from start to end. */
export function readStrings(bytes: Uint8Array, reader: WireReader): StringTable {
  let lengths: Iterable<number> = [];
  let binaryIndexes = new Set<number>();
  let data = { start: 0, end: 0 };
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === 2) lengths = readPacked(bytes, reader);
    else if (field === 2 && wireType === 2) data = reader.span();
    else if (field === 3 && wireType === 2) binaryIndexes = new Set(readPacked(bytes, reader));
    else reader.skip(wireType);
  }
  const whole = bytes.subarray(data.start, data.end);
  // One decode for all and slices of it, where each byte is one character: no sequence of several bytes gives as
  // many characters as it has bytes, so equal lengths mean equal offsets.
  const decoded = decoder.decode(whole);
  const sliceable = decoded.length === whole.length;
  const texts = [""];
  const binary = new Map<number, Uint8Array>();
  let at = 0;
  for (const length of lengths) {
    if (length > whole.length - at) reader.fail("the string table ends inside a string");
    if (binaryIndexes.has(texts.length)) {
      binary.set(texts.length, whole.slice(at, at + length));
      texts.push("");
    } else {
      texts.push(sliceable ? decoded.slice(at, at + length) : decoder.decode(whole.subarray(at, at + length)));
    }
    at += length;
  }
  return new StringTable(texts, binary);
}

function readPacked(bytes: Uint8Array, reader: WireReader): Uint32Array {
  const { start, end } = reader.span();
  return reader.within(bytes, start, end).packed();
}

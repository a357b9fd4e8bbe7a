/**
 * A payload's bytes, read into room that is kept: numbers of one column after another, and how long each text is. Whatever is out of the
 * ordinary, be it allowed or not, is told by a number that cannot be.
 */
import { characters } from "../texts.ts";
import type { Span } from "../wire.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
/** As WireReader: fields from here on are passed over. */
const FIELDS = 32;
/** Bytes of a varint, at most. */
const VARINT_BYTES_MAX = 10;
/** Not a number that can be. */
const ODD = -1;
const STRINGS = { lengths: 1, data: 2, binary: 3 } as const;
const INT64 = { base: 1, unit: 2, deltas: 3 } as const;

export class ScanBytes {
  /** Numbers of the column that was read last. */
  values: Uint32Array = new Uint32Array(256);
  /** Characters of each text; text 0 is the empty one. */
  characters: Uint32Array = new Uint32Array(256);
  textCount = 1;
  #ends = new Uint32Array(256);
  #decoded = "";
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  readonly #spans = new Uint32Array(2 * FIELDS);

  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#decoded = "";
    this.textCount = 1;
    // A number has at least one byte.
    if (this.values.length < bytes.length) this.values = new Uint32Array(bytes.length);
  }

  /** Forgets what it was given. */
  close(): void {
    this.open(new Uint8Array(0));
  }

  /** A number of at most 32 bits, written in no more bytes than it needs bits. */
  #number(end: number): number {
    const bytes = this.#bytes;
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 5 && this.#at < end; count++) {
      const byte = bytes[this.#at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value > 0xffffffff ? ODD : value;
      factor *= 128;
    }
    return ODD;
  }

  /** Puts where each field of a message lies to `spans`, an end of 0 for those that are missing; gives field 1 where it is a number, else 0. */
  fields(start: number, end: number, spans: Uint32Array): number {
    spans.fill(0);
    this.#at = start;
    let first = 0;
    let hasFirst = false;
    while (this.#at < end) {
      const tag = this.#number(end);
      if (tag < 8) return ODD;
      const field = tag >>> 3;
      if (field === 1) {
        if (hasFirst || spans[3] !== 0) return ODD;
        hasFirst = (tag & 7) === 0;
        if (hasFirst) {
          first = this.#number(end);
          if (first < 0) return ODD;
          continue;
        }
      }
      if ((tag & 7) !== 2) return ODD;
      const length = this.#number(end);
      if (length < 0 || length > end - this.#at) return ODD;
      if (field < FIELDS) {
        // Nothing lies before the first tag, so a field that is there never ends at 0.
        if (spans[2 * field + 1] !== 0) return ODD;
        spans[2 * field] = this.#at;
        spans[2 * field + 1] = this.#at + length;
      }
      this.#at += length;
    }
    return first;
  }

  /** Reads a packed column of u32 into `values`; gives how many there are. */
  packed(start: number, end: number): number {
    const bytes = this.#bytes;
    const { values } = this;
    let count = 0;
    for (let at = start; at < end; ) {
      const byte = bytes[at] ?? 0;
      if (byte < 128) {
        values[count++] = byte;
        at++;
        continue;
      }
      this.#at = at;
      const value = this.#number(end);
      if (value < 0) return ODD;
      values[count++] = value;
      at = this.#at;
    }
    return count;
  }

  /** How many varints of any size there are. */
  varints(start: number, end: number): number {
    const bytes = this.#bytes;
    let count = 0;
    let going = 0;
    for (let at = start; at < end; at++) {
      if ((bytes[at] ?? 0) < 128) {
        count++;
        going = 0;
      } else if (++going >= VARINT_BYTES_MAX) return ODD;
    }
    return going === 0 ? count : ODD;
  }

  /** Where the differences of an Int64Column lie. */
  deltas(start: number, end: number): Span | undefined {
    this.#at = start;
    let span: Span | undefined;
    while (this.#at < end) {
      const tag = this.#number(end);
      if (tag === 8 * INT64.base || tag === 8 * INT64.unit) {
        const from = this.#at;
        while (this.#at < end && (this.#bytes[this.#at] ?? 0) >= 128) this.#at++;
        if (++this.#at > end || this.#at - from > VARINT_BYTES_MAX) return undefined;
      } else if (tag === 8 * INT64.deltas + 2 && span === undefined) {
        const length = this.#number(end);
        if (length < 0 || length > end - this.#at) return undefined;
        span = { start: this.#at, end: this.#at + length };
        this.#at += length;
      } else return undefined;
    }
    return span;
  }

  /** Reads a StringTable message; false also where it has strings that are no text. */
  strings(start: number, end: number): boolean {
    if (end === 0) return true;
    const spans = this.#spans;
    if (this.fields(start, end, spans) !== 0 || spans[2 * STRINGS.binary + 1] !== 0) return false;
    const count = this.packed(spans[2 * STRINGS.lengths] ?? 0, spans[2 * STRINGS.lengths + 1] ?? 0);
    if (count < 0) return false;
    const data = this.#bytes.subarray(spans[2 * STRINGS.data] ?? 0, spans[2 * STRINGS.data + 1] ?? 0);
    this.textCount = count + 1;
    if (this.characters.length <= count) {
      this.characters = new Uint32Array(count * 2);
      this.#ends = new Uint32Array(count * 2);
    }
    try {
      this.#decoded = decoder.decode(data);
      return this.#measure(data, count);
    } catch {
      return false;
    }
  }

  /** How long each text is; false where the lengths are not those of texts. */
  #measure(data: Uint8Array, count: number): boolean {
    const { values, characters: lengths } = this;
    const isAscii = this.#decoded.length === data.length;
    let at = 0;
    let ends = 0;
    lengths[0] = 0;
    this.#ends[0] = 0;
    for (let index = 0; index < count; index++) {
      const bytes = values[index] ?? 0;
      if (bytes === 0 || bytes > data.length - at) return false;
      const length = isAscii ? bytes : characters(data, at, at + bytes);
      if (length < 0) return false;
      lengths[index + 1] = length;
      ends += length;
      this.#ends[index + 1] = ends;
      at += bytes;
    }
    return at === data.length;
  }

  /** The text of an index below `textCount`. */
  text(index: number): string {
    return index === 0 ? "" : this.#decoded.slice(this.#ends[index - 1] ?? 0, this.#ends[index] ?? 0);
  }
}

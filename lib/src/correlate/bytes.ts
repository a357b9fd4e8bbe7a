/** Numbers and texts as bytes. */
import { CorrelateError } from "./error.ts";
import { type Moment, momentOf, nanoOf } from "./moment.ts";

const UTF8 = 0;
const UTF16 = 1;
/** Numbers of texts that came before begin here. */
const KNOWN = 2;

export class ByteWriter {
  #bytes = new Uint8Array(65_536);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #texts = new Map<string, number>();
  readonly #encoder = new TextEncoder();

  #room(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  /** A whole number from 0 to 2^53. */
  count(value: number): void {
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 0x80)) this.#byte((left % 0x80) | 0x80);
    this.#byte(left);
  }

  #byte(value: number): void {
    // Not in one line: where room is made the bytes are others.
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  flag(value: boolean): void {
    this.count(value ? 1 : 0);
  }

  number(value: number): void {
    // Not in one line either.
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  moment({ seconds, nanos }: Moment): void {
    this.number(seconds);
    this.count(nanos);
  }

  nano(value: bigint): void {
    this.moment(momentOf(value));
  }

  /** Each text once; then its number. */
  text(value: string): void {
    const known = this.#texts.get(value);
    if (known !== undefined) {
      this.count(KNOWN + known);
      return;
    }
    this.#texts.set(value, this.#texts.size);
    if (value.isWellFormed()) {
      this.count(UTF8);
      this.#blob(this.#encoder.encode(value));
      return;
    }
    // Halves of characters have no UTF-8.
    this.count(UTF16);
    const units = new Uint8Array(value.length * 2);
    const view = new DataView(units.buffer);
    for (let at = 0; at < value.length; at++) view.setUint16(at * 2, value.charCodeAt(at), true);
    this.#blob(units);
  }

  #blob(bytes: Uint8Array): void {
    this.count(bytes.length);
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  list<Item>(items: readonly Item[], write: (item: Item) => void): void {
    this.count(items.length);
    for (const item of items) write(item);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** Beyond is no difference of two times that 64 bits of nanoseconds can say. */
const SECONDS_MAX = 20_000_000_000;

/** Reads what the writer wrote; throws a CorrelateError at whatever else. Takes room in proportion to the bytes only. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  readonly #texts: string[] = [];
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  fail(what: string): never {
    throw new CorrelateError("SNAPSHOT_MALFORMED", `${what} before byte ${this.#at}`);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) this.fail("the end is missing");
    this.#at += length;
    return at;
  }

  count(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.#bytes[this.#take(1)] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    return this.fail("a number too large");
  }

  flag(): boolean {
    const value = this.count();
    if (value > 1) this.fail("neither yes nor no");
    return value === 1;
  }

  number(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  finite(): number {
    const value = this.number();
    return Number.isFinite(value) ? value : this.fail("no finite number");
  }

  /** A moment, or NEVER. */
  momentOrNever(): Moment {
    const seconds = this.number();
    const nanos = this.count();
    if (seconds === Number.NEGATIVE_INFINITY && nanos === 0) return { seconds, nanos };
    if (!Number.isInteger(seconds) || Math.abs(seconds) > SECONDS_MAX || nanos > 999_999_999) this.fail("no time");
    return { seconds, nanos };
  }

  moment(): Moment {
    const moment = this.momentOrNever();
    return Number.isFinite(moment.seconds) ? moment : this.fail("no time");
  }

  nano(): bigint {
    return nanoOf(this.moment());
  }

  text(): string {
    const kind = this.count();
    if (kind >= KNOWN) return this.#texts[kind - KNOWN] ?? this.fail("a text that is not there");
    const length = this.count();
    const at = this.#take(length);
    const text = kind === UTF8 ? this.#utf8(at, length) : this.#utf16(at, length);
    this.#texts.push(text);
    return text;
  }

  #utf8(at: number, length: number): string {
    try {
      return this.#decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      return this.fail("no text");
    }
  }

  #utf16(at: number, length: number): string {
    if (length % 2 !== 0) this.fail("no text");
    const parts: string[] = [];
    for (let unit = 0; unit < length; unit += 2) parts.push(String.fromCharCode(this.#view.getUint16(at + unit, true)));
    return parts.join("");
  }

  /** An item takes a byte at least, so that a length that is too large is found at the end of the bytes. */
  list<Item>(read: () => Item): Item[] {
    const length = this.count();
    if (length > this.#bytes.length - this.#at) this.fail("a list beyond the end");
    const items: Item[] = [];
    for (let at = 0; at < length; at++) items.push(read());
    return items;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) this.fail("more than a snapshot");
  }
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

/** CRC-32 as of gzip: finds damage, and no forgery. */
export function checksum(bytes: Uint8Array, from: number): number {
  let value = 0xffff_ffff;
  for (let at = from; at < bytes.length; at++)
    value = (value >>> 8) ^ (TABLE[(value ^ (bytes[at] as number)) & 0xff] as number);
  return ~value >>> 0;
}

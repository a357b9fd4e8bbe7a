/**
 * The protobuf wire format, for the columns of a block only.
 *
 * The generated code reads and writes the same bytes, some ten times slower: it pushes each byte of a
 * varint into a JavaScript array. A test decodes our bytes with the generated code.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { BlockError } from "./error.ts";
import type { U32List } from "./list.ts";

const encoder = new TextEncoder();
// Low half first: every platform that Node runs this on is little-endian.
const words = new Uint32Array(2);
const bigWord = new BigUint64Array(words.buffer);

/** Splits a 64-bit integer: the low half stands in `words[0]`, the high half in `words[1]`. */
function split(value: bigint): void {
  bigWord[0] = value;
}

/** Joins two 32-bit halves to an unsigned 64-bit integer. */
export function joinUnsigned(low: number, high: number): bigint {
  if (low === 0 && high === 0) return 0n;
  words[0] = low;
  words[1] = high;
  return bigWord[0] ?? 0n;
}

/** Puts the halves of a 64-bit integer to two lists. */
export function pushHalves(value: bigint, low: U32List, high: U32List): void {
  split(value);
  low.push(words[0] ?? 0);
  high.push(words[1] ?? 0);
}

/** Appends protobuf fields to a buffer that grows. */
export class WireWriter {
  #bytes = new Uint8Array(64 * 1024);
  #at = 0;

  reset(): void {
    this.#at = 0;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }

  /** Writes an unsigned integer below 2^53. The caller has reserved 10 bytes. */
  #varint(value: number): void {
    let at = this.#at;
    const bytes = this.#bytes;
    let rest = value;
    while (rest > 0x7fffffff) {
      bytes[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#at = at;
  }

  #varint64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.#bytes[this.#at++] = Number(rest & 127n) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  uint(field: number, value: number): void {
    if (value === 0) return;
    this.#reserve(20);
    this.#varint(field * 8);
    this.#varint(value);
  }

  uint64(field: number, value: bigint): void {
    if (value === 0n) return;
    this.#reserve(20);
    this.#varint(field * 8);
    this.#varint64(value);
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.#reserve(20 + value.length);
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Writes several strings, one after the other, as one bytes field; puts each one's length in bytes to `lengths`. */
  strings(field: number, values: readonly (string | Uint8Array)[], allText: boolean, lengths: U32List): void {
    const begin = this.#open(field);
    const joined = allText ? values.join("") : undefined;
    if (joined !== undefined) {
      this.#reserve(joined.length * 3);
      const { written } = encoder.encodeInto(joined, this.#bytes.subarray(this.#at));
      if (written === joined.length) {
        // All ASCII, as nearly always: each character is one byte.
        for (const value of values) lengths.push(value.length);
        this.#at += written;
        this.#close(begin);
        return;
      }
    }
    for (const value of values) {
      const before = this.#at;
      if (typeof value === "string") {
        this.#reserve(value.length * 3);
        this.#at += encoder.encodeInto(value, this.#bytes.subarray(this.#at)).written;
      } else {
        this.#reserve(value.length);
        this.#bytes.set(value, this.#at);
        this.#at += value.length;
      }
      lengths.push(this.#at - before);
    }
    this.#close(begin);
  }

  /** A packed column; left out when all values are zero. */
  packed(field: number, list: U32List): void {
    const { values, length } = list;
    if (allZero(values, length)) return;
    const begin = this.#open(field);
    this.#reserve(length * 5);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < length; index++) {
      let rest = values[index] ?? 0;
      while (rest > 127) {
        bytes[at++] = (rest & 127) | 0x80;
        rest >>>= 7;
      }
      bytes[at++] = rest;
    }
    this.#at = at;
    this.#close(begin);
  }

  /** A packed column of zigzag differences to the value before; left out when all values are zero. */
  packedDeltas(field: number, list: U32List): void {
    const { values, length } = list;
    if (allZero(values, length)) return;
    const begin = this.#open(field);
    this.#reserve(length * 6);
    let before = 0;
    for (let index = 0; index < length; index++) {
      const value = values[index] ?? 0;
      this.#varint(zigzag(value - before));
      before = value;
    }
    this.#close(begin);
  }

  /** A packed column of signed 64-bit integers in halves; left out when all are zero. */
  packedSigned64(field: number, low: U32List, high: U32List): void {
    const { length } = low;
    if (allZero(low.values, length) && allZero(high.values, length)) return;
    const begin = this.#open(field);
    this.#reserve(length * 10);
    for (let index = 0; index < length; index++) this.#signed64(low.values[index] ?? 0, high.values[index] ?? 0);
    this.#close(begin);
  }

  /** Zigzag of a 64-bit integer in halves. */
  #signed64(low: number, high: number): void {
    if (high === 0) this.#varint(low * 2);
    else if (high === 0xffffffff && low !== 0) this.#varint((0x100000000 - low) * 2 - 1);
    else {
      const value = BigInt.asIntN(64, joinUnsigned(low, high));
      this.#varint64(value >= 0n ? value << 1n : (-value << 1n) - 1n);
    }
  }

  /** An Int64Column message of integers in halves; left out when all values are zero. */
  int64Column(field: number, low: U32List, high: U32List): void {
    const { length } = low;
    const lows = low.values;
    const highs = high.values;
    if (allZero(lows, length) && allZero(highs, length)) return;
    // Differences as doubles, which are exact up to 2^53: no BigInt on the way.
    const deltas = new Float64Array(length);
    let micro = true;
    let milli = true;
    let safe = true;
    let lowBefore = lows[0] ?? 0;
    let highBefore = (highs[0] ?? 0) | 0;
    for (let index = 0; index < length; index++) {
      const lowNow = lows[index] ?? 0;
      const highNow = (highs[index] ?? 0) | 0;
      const delta = (highNow - highBefore) * 0x100000000 + (lowNow - lowBefore);
      if (delta > SAFE_DELTA || delta < -SAFE_DELTA) {
        safe = false;
        break;
      }
      if (delta % 1e6 !== 0) {
        milli = false;
        if (delta % 1e3 !== 0) micro = false;
      }
      deltas[index] = delta;
      lowBefore = lowNow;
      highBefore = highNow;
    }
    const begin = this.#open(field);
    this.#reserve(40 + length * 10);
    this.#varint(1 * 8);
    this.#signed64(lows[0] ?? 0, highs[0] ?? 0);
    const unit = !safe ? 1 : milli ? 1e6 : micro ? 1e3 : 1;
    this.#varint(2 * 8);
    this.#varint(unit);
    const inner = this.#open(3);
    this.#reserve(length * 10);
    if (safe) for (let index = 0; index < length; index++) this.#varint(zigzag((deltas[index] ?? 0) / unit));
    else this.#wrappedDeltas(low, high);
    this.#close(inner);
    this.#close(begin);
  }

  /** Differences that may need all 64 bits. */
  #wrappedDeltas(low: U32List, high: U32List): void {
    let before = joinUnsigned(low.values[0] ?? 0, high.values[0] ?? 0);
    for (let index = 0; index < low.length; index++) {
      const value = joinUnsigned(low.values[index] ?? 0, high.values[index] ?? 0);
      split(value - before);
      this.#signed64(words[0] ?? 0, words[1] ?? 0);
      before = value;
    }
  }

  /** Opens a length-delimited field; give the result to close(). */
  open(field: number): number {
    return this.#open(field);
  }

  close(begin: number): void {
    this.#close(begin);
  }

  #open(field: number): number {
    this.#reserve(20);
    this.#varint(field * 8 + 2);
    return this.#at;
  }

  /** Moves what was written since `begin` to make room for its length, which is known only now. */
  #close(begin: number): void {
    const length = this.#at - begin;
    this.#reserve(10);
    const size = length < 128 ? 1 : length < 16384 ? 2 : length < 2097152 ? 3 : length < 268435456 ? 4 : 5;
    this.#bytes.copyWithin(begin + size, begin, this.#at);
    this.#at = begin;
    this.#varint(length);
    this.#at = begin + size + length;
  }
}

/** Differences up to here stay exact when zigzag doubles them. */
const SAFE_DELTA = 4e15;

function allZero(values: Uint32Array, length: number): boolean {
  for (let index = 0; index < length; index++) if (values[index] !== 0) return false;
  return true;
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** Where a field's bytes lie. */
export interface Span {
  start: number;
  end: number;
}

/** Fields from this number on are passed over without being remembered: no message of ours has so many. */
const FIELDS_MAX = 32;

/** Reads protobuf fields from a slice of bytes; every error names the place. */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #place: string;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, place: string, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#place = place;
    this.#at = start;
    this.#end = end;
  }

  /** A reader of a part of the same bytes. */
  within(bytes: Uint8Array, start: number, end: number): WireReader {
    return new WireReader(bytes, this.#place, start, end);
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  fail(detail: string): never {
    throw new BlockError("PAYLOAD_MALFORMED", `${this.#place}+${this.#at}`, detail);
  }

  /** An unsigned integer; loses precision from 2^53 on, which no unsigned column of ours reaches. */
  varint(): number {
    const bytes = this.#bytes;
    let byte = this.#at < this.#end ? (bytes[this.#at++] ?? 0) : this.fail("ends inside a number");
    if (byte < 128) return byte;
    let value = byte & 127;
    let factor = 128;
    for (let count = 1; count < 10; count++) {
      byte = this.#at < this.#end ? (bytes[this.#at++] ?? 0) : this.fail("ends inside a number");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
    return this.fail("a number of more than 10 bytes");
  }

  /** As varint, without going on. */
  peekVarint(): number {
    const at = this.#at;
    const value = this.varint();
    this.#at = at;
    return value;
  }

  /** All numbers of a packed column of u32. */
  packed(): Uint32Array {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    // Each number has at least one byte.
    const values = new Uint32Array(end - at);
    let count = 0;
    while (at < end) {
      let byte = bytes[at] ?? 0;
      if (byte < 128) {
        values[count++] = byte;
        at++;
        continue;
      }
      let value = byte & 127;
      let next = at + 1;
      let shift = 7;
      for (; next < end && shift <= 28; shift += 7) {
        byte = bytes[next++] ?? 0;
        value |= (byte & 127) << shift;
        if (byte < 128) break;
      }
      if (byte > (shift === 28 ? 15 : 127)) {
        // Longer than it need be, too large, or not all of it there.
        this.#at = at;
        value = this.varint();
        if (value > 0xffffffff) this.fail(`${value} is more than 32 bits`);
        next = this.#at;
      }
      values[count++] = value;
      at = next;
    }
    this.#at = at;
    // Of small blocks most numbers have one byte, and a view costs as much as reading them.
    return count === values.length ? values : values.subarray(0, count);
  }

  /** A zigzag integer of 64 bits. */
  signed64(): bigint {
    const start = this.#at;
    const value = this.varint();
    if (value <= Number.MAX_SAFE_INTEGER) return BigInt(unzigzag(value));
    let exact = 0n;
    let shift = 0n;
    for (let at = start; at < this.#at; at++) {
      exact |= BigInt((this.#bytes[at] ?? 0) & 127) << shift;
      shift += 7n;
    }
    exact = BigInt.asUintN(64, exact);
    return BigInt.asIntN(64, exact & 1n ? -((exact >> 1n) + 1n) : exact >> 1n);
  }

  /** Reads a tag; returns the field number and, for a length-delimited field, opens it. */
  tag(): { field: number; wireType: number } {
    const tag = this.varint();
    return { field: Math.floor(tag / 8), wireType: tag & 7 };
  }

  /**
   * All fields of a message: field 1 where it is a number, and where each length-delimited one lies. One that comes twice is
   * refused, since readers differ in what they take of it.
   */
  fields(): { first: number | undefined; spans: (Span | undefined)[] } {
    let first: number | undefined;
    const spans = new Array<Span | undefined>(FIELDS_MAX).fill(undefined);
    while (!this.done) {
      const { field, wireType } = this.tag();
      if (field >= FIELDS_MAX || (wireType !== 2 && (wireType !== 0 || field !== 1))) {
        this.skip(wireType);
        continue;
      }
      if (spans[field] !== undefined || (field === 1 && first !== undefined))
        this.fail(`field ${field} for a second time`);
      if (wireType === 2) spans[field] = this.span();
      else first = this.varint();
    }
    return { first, spans };
  }

  /** The bounds of a length-delimited field, which is skipped. */
  span(): Span {
    const length = this.varint();
    const start = this.#at;
    if (length > this.#end - start) this.fail(`a field of ${length} bytes where ${this.#end - start} are left`);
    this.#at = start + length;
    return { start, end: this.#at };
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 2) this.span();
    else if (wireType === 1) this.#at += 8;
    else if (wireType === 5) this.#at += 4;
    else this.fail(`wire type ${wireType}`);
    if (this.#at > this.#end) this.fail("ends inside a field");
  }
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

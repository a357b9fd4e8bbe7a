/** Bytes that mean nothing and do not shrink, for a payload that would shrink too much. */
import { TOP } from "./tables.ts";
import { WireWriter } from "./wire.ts";

/** Bytes of noise that `columns` of so many bytes must have been padded with; undefined where no padding makes them so long. */
export function paddingBetween(columns: number, padded: number): number | undefined {
  if (padded === columns) return 0;
  // The field's number takes two bytes, its length one to five.
  for (let size = 1; size <= 5; size++) {
    const length = padded - columns - 2 - size;
    if (length > 0 && length >= 2 ** (7 * (size - 1)) && length < 2 ** (7 * size)) return length;
  }
  return undefined;
}

/** As `padded`, for a length that may be zero. */
export function withPadding(columns: Uint8Array, length: number): Uint8Array {
  return length === 0 ? columns : padded(columns, length);
}

/** Columns with so many more bytes. The bytes are always the same ones, so that the same events give the same block. */
export function padded(columns: Uint8Array, length: number): Uint8Array {
  const noise = new Uint8Array(length);
  // xorshift32; its low byte has no pattern that a compressor finds.
  let state = 0x9e3779b9;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    noise[at] = state;
  }
  const writer = new WireWriter();
  writer.bytes(TOP.padding, noise);
  const field = writer.finish();
  const joined = new Uint8Array(columns.length + field.length);
  joined.set(columns);
  joined.set(field, columns.length);
  return joined;
}

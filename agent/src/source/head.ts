/** What the addon tells of a record beside its texts. */
import type { Call } from "@hosttrail/lib/audit";
import { RECORD_HEAD } from "../kernel/index.ts";

// Low half first: every platform that Node runs this on is little-endian.
const halves = new Uint32Array(2);
const unsigned = new BigUint64Array(halves.buffer);
const signed = new BigInt64Array(halves.buffer);

function unsignedAt(heads: Uint32Array, at: number): bigint {
  halves[0] = heads[at] as number;
  halves[1] = heads[at + 1] as number;
  return unsigned[0] as bigint;
}

function signedAt(heads: Uint32Array, at: number): bigint {
  halves[0] = heads[at] as number;
  halves[1] = heads[at + 1] as number;
  return signed[0] as bigint;
}

/** The call of the record whose head begins there. */
export function callAt(heads: Uint32Array, at: number): Call {
  const first = at + RECORD_HEAD.arguments;
  return {
    arch: heads[at + RECORD_HEAD.arch] as number,
    number: heads[at + RECORD_HEAD.number] as number,
    success: heads[at + RECORD_HEAD.success] === 1 ? "yes" : "no",
    exit: signedAt(heads, at + RECORD_HEAD.exit),
    arguments: [
      unsignedAt(heads, first),
      unsignedAt(heads, first + 2),
      unsignedAt(heads, first + 4),
      unsignedAt(heads, first + 6),
    ],
    items: heads[at + RECORD_HEAD.items] as number,
    parentPid: heads[at + RECORD_HEAD.parentPid] as number,
    pid: heads[at + RECORD_HEAD.pid] as number,
  };
}

/** Seconds since 1970 of its stamp. */
export function secondsAt(heads: Uint32Array, at: number): number {
  const time = heads[at + RECORD_HEAD.milliseconds] as number;
  return (heads[at + RECORD_HEAD.seconds] as number) + (time >>> 16) * 0x1_0000_0000;
}

/** Milliseconds beyond these. */
export function millisecondsAt(heads: Uint32Array, at: number): number {
  return (heads[at + RECORD_HEAD.milliseconds] as number) & 0xffff;
}

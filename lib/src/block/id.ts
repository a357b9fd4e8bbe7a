/** Names of blocks and events: fixed width, so that they sort by host, epoch and sequence. */

import { joinUnsigned } from "./wire.ts";

const HOST_ID = /^[0-9a-f]{32}$/;
const EVENT_ID = /^([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{16})$/;

/** True for 32 lower case hex digits. */
export function isHostId(value: string): boolean {
  return HOST_ID.test(value);
}

/** 16 hex digits of a u64. */
export function hex64(value: bigint): string {
  return value.toString(16).padStart(16, "0");
}

/** `<host id>-<epoch>-<seq>`; a block has the id of its first event. */
export function eventId(hostId: string, epoch: bigint, seq: bigint): string {
  return `${hostId}-${hex64(epoch)}-${hex64(seq)}`;
}

/** The last three hex digits of a number. */
const LAST_DIGITS: readonly string[] = Array.from({ length: 4096 }, (_, low) => low.toString(16).padStart(3, "0"));

/** Where consecutive events stand in the trail of their host. */
export interface BlockPosition {
  hostId: string;
  epoch: bigint;
  firstSeq: bigint;
}

/** How the events of a payload are named. */
export interface EventNames {
  /** Id of event n. */
  at(index: number): string;
  sequenceAt(index: number): bigint;
}

/** Ids of consecutive events, which differ in their last three digits only, but for one in 4,096. */
export class EventIds implements EventNames {
  readonly #head: string;
  readonly #high: bigint;
  readonly #low: number;
  readonly #firstLow: number;
  readonly #firstHigh: number;
  #prefix = "";
  #prefixCarry = -1;

  constructor(hostId: string, epoch: bigint, firstSeq: bigint) {
    this.#head = `${hostId}-${hex64(epoch)}-`;
    this.#high = firstSeq >> 12n;
    this.#low = Number(firstSeq & 0xfffn);
    this.#firstLow = Number(BigInt.asUintN(32, firstSeq));
    this.#firstHigh = Number(firstSeq >> 32n);
  }

  /** Sequence number of the event that comes `index` after the first. */
  sequenceAt(index: number): bigint {
    const low = this.#firstLow + index;
    return low <= 0xffffffff ? joinUnsigned(low, this.#firstHigh) : joinUnsigned(low, this.#firstHigh + 1);
  }

  /** Id of the event that comes `index` after the first. */
  at(index: number): string {
    const low = this.#low + index;
    const carry = low >>> 12;
    if (carry !== this.#prefixCarry) {
      this.#prefixCarry = carry;
      this.#prefix = this.#head + (this.#high + BigInt(carry)).toString(16).padStart(13, "0");
    }
    return this.#prefix + (LAST_DIGITS[low & 0xfff] ?? "");
  }
}

/** The parts of an event's or block's id, or undefined where it is not one. */
export function parseEventId(id: string): { hostId: string; epoch: bigint; seq: bigint } | undefined {
  const match = EVENT_ID.exec(id);
  if (match === null) return undefined;
  const [, hostId = "", epoch = "", seq = ""] = match;
  return { hostId, epoch: BigInt(`0x${epoch}`), seq: BigInt(`0x${seq}`) };
}

/** How far the time at which an epoch began stands above its random bits. */
const EPOCH_MS_SHIFT = 16n;

/** When an epoch began by its host's clock, milliseconds since 1970; later than that where the clock was set back. */
export function epochMs(epoch: bigint): number {
  return Number(epoch >> EPOCH_MS_SHIFT);
}

/**
 * A new epoch: milliseconds since 1970 above 16 random bits. It is after the one before it also where the clock was set back meanwhile: epochs
 * tell which block of a trail is the last.
 */
export function newEpoch(nowMs: number, random: number, before?: bigint): bigint {
  const ms = before === undefined ? nowMs : Math.max(nowMs, epochMs(before) + 1);
  return (BigInt(ms) << EPOCH_MS_SHIFT) | BigInt(random & 0xffff);
}

/** Names of blocks and events: fixed width, so that they sort by host, epoch and sequence. */

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
  if (epoch !== lastEpoch) {
    lastEpoch = epoch;
    lastEpochText = hex64(epoch);
  }
  return `${hostId}-${lastEpochText}-${hex64(seq)}`;
}

// Consecutive events nearly always share their epoch.
let lastEpoch = -1n;
let lastEpochText = "";

/** The parts of an event's or block's id, or undefined where it is not one. */
export function parseEventId(id: string): { hostId: string; epoch: bigint; seq: bigint } | undefined {
  const match = EVENT_ID.exec(id);
  if (match === null) return undefined;
  const [, hostId = "", epoch = "", seq = ""] = match;
  return { hostId, epoch: BigInt(`0x${epoch}`), seq: BigInt(`0x${seq}`) };
}

/** A new epoch: milliseconds since 1970 above 16 random bits. */
export function newEpoch(nowMs: number, random: number): bigint {
  return (BigInt(nowMs) << 16n) | BigInt(random & 0xffff);
}

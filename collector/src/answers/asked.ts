/** What requests say, looked at: what is wrong is told with the field and what is allowed. Others' hosts are as those that are not there. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { nanosOf, type TimeRange } from "../ask/index.ts";
import { invalidField, serviceError, type Visit } from "../serve/index.ts";
import type { AnswerSource } from "./source.ts";
import { leastOf, mostOf, SECOND_NANO } from "./times.ts";

/** A number that may be left out: 0 is `none`. Throws a ServiceError. */
export function countOf(field: string, value: number, { none, most }: { none: number; most: number }): number {
  if (value < 0 || value > most) throw invalidField(field, value, `1 to ${most}; 0 is ${none}`);
  return value === 0 ? none : value;
}

/** How far from its moment a question may look: 31 days. */
const REACH_SECONDS_MAX = 2_678_400;

/** A stretch of time that may be left out, as nanoseconds. Throws a ServiceError. */
export function stretchOf(field: string, seconds: bigint, none: number): bigint {
  if (seconds < 0n || seconds > BigInt(REACH_SECONDS_MAX))
    throw invalidField(field, seconds, `1 to ${REACH_SECONDS_MAX} (31 days); 0 is ${none}`);
  return (seconds === 0n ? BigInt(none) : seconds) * SECOND_NANO;
}

const TIME_MIN = -(1n << 63n);
const TIME_MAX = (1n << 63n) - 1n;

/** A range around a moment, as far as there are times. */
export function rangeAround(momentNano: bigint, before: bigint, after: bigint): TimeRange {
  return { startNano: mostOf(momentNano - before, TIME_MIN), endNano: leastOf(momentNano + after, TIME_MAX) };
}

/** Now, as nanoseconds since 1970. */
export function nowNano(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** A moment; now where it is left out. Throws a ServiceError. */
export function momentOf(field: string, time: Timestamp | undefined): bigint {
  return time === undefined ? nowNano() : nanosOf(time, field);
}

/** From start to end, where start is not left out and is before the end. Throws a ServiceError. */
export function checkRange(names: readonly [start: string, end: string], { startNano, endNano }: TimeRange): TimeRange {
  if (startNano < endNano) return { startNano, endNano };
  const message = `${names[0]} is not before ${names[1]}: nothing can be in between`;
  throw serviceError(status.INVALID_ARGUMENT, "TIME_RANGE_INVALID", message);
}

export function noSuch(reason: string, message: string, metadata: Readonly<Record<string, string>> = {}): ServiceError {
  return serviceError(status.NOT_FOUND, reason, message, metadata);
}

/** The host that a question names. Throws a ServiceError where it has no form, and where it is not there for the caller. */
export async function hostOf(hostId: string, { hosts }: Visit, source: Pick<AnswerSource, "isKnown">): Promise<string> {
  if (!isHostId(hostId)) {
    const message = "host_id must be 32 lower case hex digits";
    throw serviceError(status.INVALID_ARGUMENT, "HOST_ID_INVALID", message, { host_id: hostId.slice(0, 128) });
  }
  const isThere = hosts?.has(hostId) !== false && (await source.isKnown(hostId));
  if (!isThere) throw noSuch("HOST_NOT_FOUND", `no host ${hostId}`, { host_id: hostId });
  return hostId;
}

/** The time, the order and the budget of a question, as requests say them. */
import { type ServiceError, status } from "@grpc/grpc-js";
import type { Budget as RequestedBudget } from "@hosttrail/proto/scan";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import type { Budget, Order } from "../scan/index.ts";
import { invalidField, serviceError } from "../serve/index.ts";

/** Inclusive start and exclusive end, nanoseconds since 1970. */
export interface TimeRange {
  startNano: bigint;
  endNano: bigint;
}

const NANOS_OF_SECOND = 1_000_000_000n;
const NANOS_OF_MS = 1_000_000n;
const TIME_MAX = (1n << 63n) - 1n;
/** What claims to be of the future is only shown to who asks for the future; clocks may be ahead a little. */
const AHEAD_NANO = 86_400_000_000_000n;

/** Nanoseconds since 1970. Throws a ServiceError that names the field. */
export function nanosOf({ seconds, nanos }: Timestamp, field: string): bigint {
  const total = seconds * NANOS_OF_SECOND + BigInt(nanos);
  if (nanos < 0 || nanos > 999_999_999 || total < -TIME_MAX || total > TIME_MAX)
    throw invalid("TIME_INVALID", `${field} is out of range; allowed are the years 1678 to 2261`);
  return total;
}

/** Default: all that is kept, up to a day from now. Throws a ServiceError. */
export function rangeOf(request: { startTime: Timestamp | undefined; endTime: Timestamp | undefined }): TimeRange {
  const { startTime, endTime } = request;
  const startNano = startTime === undefined ? 0n : nanosOf(startTime, "start_time");
  const endNano = endTime === undefined ? BigInt(Date.now()) * NANOS_OF_MS + AHEAD_NANO : nanosOf(endTime, "end_time");
  if (endTime !== undefined && startTime !== undefined && startNano > endNano)
    throw invalid("TIME_RANGE_INVALID", "start_time is later than end_time: nothing can be in between");
  return { startNano, endNano };
}

/** AIP-132. Throws a ServiceError. */
export function orderOf(orderBy: string): Order {
  const [field, direction, ...rest] = orderBy.trim().split(/\s+/);
  if (orderBy.trim() === "") return "descending";
  if (field === "time" && rest.length === 0) {
    if (direction === "desc") return "descending";
    if (direction === undefined || direction === "asc") return "ascending";
  }
  throw invalidField("order_by", orderBy, '"time desc" and "time"');
}

/** What is asked for, and no more than is allowed. Throws a ServiceError. */
export function budgetOf(asked: RequestedBudget | undefined, most: Budget): Budget {
  return {
    timeMs: boundOf("budget.time_ms", asked?.timeMs, most.timeMs),
    bytes: boundOf("budget.bytes", asked?.bytes, most.bytes),
    events: boundOf("budget.events", asked?.events, most.events),
  };
}

function boundOf(field: string, asked: bigint | undefined, most: number): number {
  if (asked === undefined || asked === 0n) return most;
  if (asked < 0n) throw invalidField(field, asked, `0 to ${most}; 0 is ${most}`);
  return asked > BigInt(most) ? most : Number(asked);
}

function invalid(reason: string, message: string): ServiceError {
  return serviceError(status.INVALID_ARGUMENT, reason, message);
}

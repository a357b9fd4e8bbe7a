/** Fields of requests, looked at: what is wrong is told with the field and what is allowed. */
import { type ServiceError, status } from "@grpc/grpc-js";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { serviceError } from "./error.ts";

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1000;
const VALUE_LENGTH_MAX = 128;
/** The last millisecond of the year 9999, which is as far as a Timestamp may go. */
const TIME_MS_MAX = 253_402_300_799_999;

export function invalidField(field: string, value: string | number | bigint, allowed: string): ServiceError {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, VALUE_LENGTH_MAX)) : value;
  const message = `${field} is ${shown}; allowed are ${allowed}`;
  return serviceError(status.INVALID_ARGUMENT, "FIELD_INVALID", message, { field });
}

/** How many items a page has. */
export function pageSizeOf(pageSize: number): number {
  if (pageSize < 0) throw invalidField("page_size", pageSize, `0 to ${PAGE_SIZE_MAX}`);
  return pageSize === 0 ? PAGE_SIZE_DEFAULT : Math.min(pageSize, PAGE_SIZE_MAX);
}

/** A text for people, or a name. Line breaks are for those who may write several lines. */
export function checkText(field: string, text: string, bounds: { min: number; max: number; lines?: boolean }): string {
  const { min, max, lines = false } = bounds;
  const controls = lines ? /[^\P{Cc}\n\t]/u : /\p{Cc}/u;
  if (text.length >= min && text.length <= max && !controls.test(text)) return text;
  throw invalidField(field, text, `${min} to ${max} characters, none of them a control character`);
}

/** Milliseconds since 1970 of a time that is there. */
export function millisecondsOf(field: string, { seconds, nanos }: Timestamp): number {
  const timeMs = Number(seconds) * 1000 + Math.floor(nanos / 1_000_000);
  if (nanos < 0 || nanos > 999_999_999 || timeMs < 0 || timeMs > TIME_MS_MAX) {
    throw invalidField(field, `${seconds}.${String(nanos).padStart(9, "0")}`, "times from 1970 to 9999");
  }
  return timeMs;
}

/** No time for 0. */
export function timestampOf(timeMs: number): Timestamp | undefined {
  return timeMs === 0 ? undefined : { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 };
}

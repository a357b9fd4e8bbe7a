/** What a link of the search asks for. */
import type { SearchEventsRequest } from "../../api/index.ts";
import { type AskedRange, askedRange, type Range } from "../../time/index.ts";

const DEFAULT_FROM = "24h";

export interface Asked {
  filter: string;
  range: Range;
  host: string;
  order: "time desc" | "time";
  columns: readonly string[];
  /** Event that is shown beside the table; empty for none. */
  event: string;
}

/** "all" stands for all that is kept, since a link without a time means the usual one. */
export function askedOf(query: URLSearchParams): Asked {
  const from = query.get("from") ?? DEFAULT_FROM;
  return {
    filter: query.get("q") ?? "",
    range: { from: from === "all" ? "" : from, to: query.get("to") ?? "" },
    host: query.get("host") ?? "",
    order: query.get("sort") === "time" ? "time" : "time desc",
    columns: (query.get("columns") ?? "").split(",").filter((name) => name !== ""),
    event: query.get("event") ?? "",
  };
}

/** What all questions of the page have in common: filter, hosts, and a time that stays while they are asked. */
export type Question = Pick<SearchEventsRequest, "filter" | "hostId"> & AskedRange;

export function questionOf({ filter, range, host }: Asked, nowMs: number): Question {
  const { startTime, endTime } = askedRange(range, nowMs);
  return {
    filter,
    hostId: host,
    ...(startTime !== undefined && { startTime }),
    // Events come while pages are read: their end is now, so that all pages and counts are of the same events.
    endTime: endTime ?? new Date(nowMs).toISOString(),
  };
}

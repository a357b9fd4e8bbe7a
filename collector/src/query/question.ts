/** What a search asks for: understood once, for a page of it, for all of it, and for its explanation. */
import { compileFilter, type Filter } from "@hosttrail/lib/predicate";
import { HostSelector } from "@hosttrail/proto/scan";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { type HostSet, labelsKey } from "../access/index.ts";
import { type HostFinder, type HostsAsked, orderOf, rangeOf, type TimeRange } from "../ask/index.ts";
import type { Order } from "../scan/index.ts";
import { status } from "@grpc/grpc-js";
import { pageSizeOf, requestFingerprint, serviceError, type Visit } from "../serve/index.ts";

const PAGE_SIZE_MAX = 1000;

/** The fields that searches have in common. */
export interface SearchFields extends HostsAsked {
  filter: string;
  startTime: Timestamp | undefined;
  endTime: Timestamp | undefined;
  orderBy: string;
}

export interface Question extends TimeRange {
  filter: Filter;
  /** Undefined for all. */
  hosts: HostSet;
  order: Order;
  /** Of all that decides which events come, in which order, and to whom. */
  fingerprint: string;
}

/** Throws a FilterError or a ServiceError that says what is wrong. */
export async function questionOf(request: SearchFields, visit: Visit, finder: HostFinder): Promise<Question> {
  const filter = compileFilter(request.filter);
  const order = orderOf(request.orderBy);
  const range = rangeOf(request);
  const hosts = await finder.select(request, visit.hosts, range);
  return { filter, order, ...range, hosts, fingerprint: fingerprintOf(request, order, visit) };
}

function fingerprintOf(
  { filter, hostId, hosts, startTime, endTime }: SearchFields,
  order: Order,
  visit: Visit,
): string {
  const timeOf = (time: Timestamp | undefined): string => (time === undefined ? "" : `${time.seconds}.${time.nanos}`);
  return requestFingerprint([
    filter,
    hostId,
    hosts === undefined ? "" : JSON.stringify(HostSelector.toJSON(hosts)),
    timeOf(startTime),
    timeOf(endTime),
    order,
    ...ownerOf(visit),
  ]);
}

/** How many items a page has. Throws a ServiceError with the reason that this API has always had. */
export function pageSizeIn({ pageSize }: { pageSize: number }): number {
  if (pageSize >= 0) return pageSizeOf(pageSize);
  throw serviceError(
    status.INVALID_ARGUMENT,
    "PAGE_SIZE_INVALID",
    `page_size is ${pageSize}; 0 to ${PAGE_SIZE_MAX} are allowed`,
  );
}

/** Tokens go on for the same caller with the same rights only. */
export function ownerOf({ caller }: Visit): string[] {
  return [caller.name, labelsKey(caller.scope)];
}

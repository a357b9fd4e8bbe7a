/** The query API: answers from the database, and from the stream for those who watch. */
import {
  type handleServerStreamingCall,
  Metadata,
  type ServerWritableStream,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { BlockError, type ColumnBlock, isHostId, parseEventId } from "@hosttrail/lib/block";
import { compileFilter, FilterError } from "@hosttrail/lib/predicate";
import type { Logger } from "@hosttrail/lib/log";
import type { Event } from "@hosttrail/proto/event";
import {
  GetEventRequest,
  GetHostRequest,
  type HostRecord,
  ListHostsRequest,
  type ListHostsResponse,
  type QueryServiceServer,
  SearchEventsRequest,
  type SearchEventsResponse,
  TailEventsRequest,
  type TailEventsResponse,
} from "@hosttrail/proto/query";
import type { UnreadableEvents } from "@hosttrail/proto/scan";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { metrics } from "../metrics/index.ts";
import { type HostSet, labelsKey } from "../access/index.ts";
import type { HostDocument } from "../model/index.ts";
import { HOLE_GRACE_MS, missingEvents } from "../trail/index.ts";
import {
  type Answers,
  asServiceError,
  decodeToken,
  encodeToken,
  type Gate,
  requestFingerprint,
  serviceError,
  TokenError,
  type Visit,
} from "../serve/index.ts";
import { MovedError } from "../history/index.ts";
import { searchEvents, type SearchResult, type SearchSource, SearchTooWideError, type Unreadable } from "./search.ts";
import { Tail } from "./tail.ts";
import { decodePosition, encodePosition } from "./token.ts";

export { searchEvents } from "./search.ts";

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1000;
/** How often the rights of a watcher are looked at again. */
const RIGHTS_INTERVAL_MS = 2000;
const TIME_MAX = (1n << 63n) - 1n;
/** Times that a question is asked again where what it reads is moved meanwhile. */
const ATTEMPTS_MAX = 4;
/** Where no end is given, events up to a day from now are found. */
const AHEAD_NANO = 86_400_000_000_000n;

/** What the API needs of history and of the database. */
export interface QueryArchive extends SearchSource {
  /** One event, and the block of events that it is in. */
  find(hostId: string, epoch: bigint, seq: bigint): Promise<{ events: ColumnBlock; index: number } | undefined>;
  /** Only these hosts; undefined for all. */
  listHosts(afterId: string, limit: number, hostIds: readonly string[] | undefined): Promise<HostDocument[]>;
  getHost(hostId: string): Promise<HostDocument | undefined>;
}

/** What the API needs of the stream. */
export interface BlockTap {
  tap(hostId: string | undefined, take: (bytes: Uint8Array) => void): { close: () => void };
}

export interface QueryOptions {
  /** Events that one search looks at, about. */
  eventsMax: number;
}

/** Answers calls; see proto/hosttrail/v1/query.proto for what each one means. */
export class QueryApi {
  readonly #archive: QueryArchive;
  readonly #tap: BlockTap;
  readonly #options: QueryOptions;
  readonly #gate: Gate;
  readonly #logger: Logger;
  readonly #tails = new Set<ServerWritableStream<TailEventsRequest, TailEventsResponse>>();

  constructor(archive: QueryArchive, tap: BlockTap, gate: Gate, options: QueryOptions, logger: Logger) {
    this.#archive = archive;
    this.#tap = tap;
    this.#gate = gate;
    this.#options = options;
    this.#logger = logger;
  }

  /** The methods as grpc-js wants them. */
  get methods(): Pick<QueryServiceServer, "searchEvents" | "getEvent" | "tailEvents" | "listHosts" | "getHost"> {
    const gate = this.#gate;
    return {
      searchEvents: gate.unary(SearchEventsRequest, (request, visit) => this.#search(request, visit)),
      getEvent: gate.unary(GetEventRequest, (request, visit) => this.#event(request, visit)),
      tailEvents: this.#tail,
      listHosts: gate.unary(ListHostsRequest, (request, visit) => this.#hosts(request, visit)),
      getHost: gate.unary(GetHostRequest, (request, visit) => this.#host(request, visit)),
    };
  }

  async #search(request: SearchEventsRequest, visit: Visit): Promise<Answers<SearchEventsResponse>> {
    const hostId = checkHostId(request.hostId, true);
    const startNano = request.startTime === undefined ? 0n : nanosOf(request.startTime, "start_time");
    // What claims to be of the future is only shown to who asks for the future; clocks may be ahead a little.
    const endNano =
      request.endTime === undefined
        ? BigInt(Date.now()) * 1_000_000n + AHEAD_NANO
        : nanosOf(request.endTime, "end_time");
    const filter = compileFilter(request.filter);
    const fingerprint = requestFingerprint([
      request.filter,
      hostId,
      String(startNano),
      request.endTime === undefined ? "" : String(endNano),
      scopeOf(visit),
    ]);
    const after = request.pageToken === "" ? undefined : decodePosition(decodeToken(request.pageToken, fingerprint));
    const { events, next, unreadable } = await whileMoved(() =>
      searchEvents(
        this.#archive,
        { filter, hosts: hostsOf(hostId, visit), startNano, endNano, pageSize: pageSizeOf(request.pageSize), after },
        { eventsMax: this.#options.eventsMax, opened: () => metrics.queryPayloads.inc() },
      ),
    );
    this.#warn(unreadable);
    const nextPageToken = next === undefined ? "" : encodeToken(fingerprint, encodePosition(next));
    return {
      response: { events, nextPageToken, unreadable: unreadable.map(toUnreadable), completeness: undefined },
      results: events.length,
    };
  }

  #warn(unreadable: SearchResult["unreadable"]): void {
    for (const { unit, reason } of unreadable) {
      metrics.unreadablePayloads.inc();
      this.#logger.error({ host: unit.hostId, place: unit.place, payload: unit.id, reason }, "history is damaged");
    }
  }

  async #event({ id }: GetEventRequest, { hosts }: Visit): Promise<Answers<Event>> {
    const parts = parseEventId(id);
    if (parts === undefined) {
      throw invalid("EVENT_ID_INVALID", "id must be <host id>-<epoch>-<seq> in hex digits", { id: id.slice(0, 128) });
    }
    const isThere = hosts?.has(parts.hostId) !== false;
    const found = isThere
      ? await whileMoved(() => this.#archive.find(parts.hostId, parts.epoch, parts.seq))
      : undefined;
    if (found === undefined) throw serviceError(status.NOT_FOUND, "EVENT_NOT_FOUND", `no event ${id}`, { id });
    return { response: found.events.event(found.index), results: 1 };
  }

  async #hosts(request: ListHostsRequest, visit: Visit): Promise<Answers<ListHostsResponse>> {
    const fingerprint = requestFingerprint(["hosts", scopeOf(visit)]);
    const after = request.pageToken === "" ? "" : decodeToken(request.pageToken, fingerprint);
    if (after !== "" && !isHostId(after)) throw new TokenError("page_token is not one that this API gave out");
    const pageSize = pageSizeOf(request.pageSize);
    // One more than asked for tells whether there is a next page.
    const hosts = await this.#archive.listHosts(after, pageSize + 1, visit.hosts && [...visit.hosts]);
    const page = hosts.slice(0, pageSize);
    const last = hosts.length > pageSize ? page.at(-1)?.hostId : undefined;
    const nextPageToken = last === undefined ? "" : encodeToken(fingerprint, last);
    return { response: { hosts: page.map(toRecord), nextPageToken }, results: page.length };
  }

  async #host(request: GetHostRequest, { hosts }: Visit): Promise<Answers<HostRecord>> {
    const hostId = checkHostId(request.hostId, false);
    // Another team's host is as one that does not exist.
    const host = hosts?.has(hostId) === false ? undefined : await this.#archive.getHost(hostId);
    if (host === undefined) {
      throw serviceError(status.NOT_FOUND, "HOST_NOT_FOUND", `no host ${hostId}`, { host_id: hostId });
    }
    return { response: toRecord(host), results: 1 };
  }

  readonly #tail: handleServerStreamingCall<TailEventsRequest, TailEventsResponse> = (call) => {
    this.#watch(call).catch((error: unknown) => call.emit("error", this.#gate.explain(call.getPath(), error)));
  };

  async #watch(call: ServerWritableStream<TailEventsRequest, TailEventsResponse>): Promise<void> {
    const { request } = call;
    const visit = await this.#gate.enter(call);
    const filter = compileFilter(request.filter);
    const hostId = checkHostId(request.hostId, true);
    // The beginning is recorded as well: a watch that goes on for days must not be unknown for so long.
    await this.#gate.record(call, visit.caller, TailEventsRequest, 0, status.OK);
    if (call.cancelled) return;
    let results = 0;
    let hosts = visit.hosts;
    const tail = new Tail(
      filter,
      {
        full: () => call.writableNeedDrain,
        write: (response) => {
          results += response.events.length;
          call.write(response);
        },
      },
      (host) => hosts?.has(host) !== false,
    );
    const tap = this.#tap.tap(hostId || undefined, (bytes) => tail.take(bytes));
    this.#tails.add(call);
    // Rights may end, and hosts may come, while somebody watches.
    const look = setInterval(() => {
      this.#gate.enter(call).then(
        (now) => {
          hosts = now.hosts;
        },
        (error: unknown) => {
          close();
          call.emit("error", this.#gate.explain(call.getPath(), error));
        },
      );
    }, RIGHTS_INTERVAL_MS);
    const close = (): void => {
      tap.close();
      clearInterval(look);
      if (!this.#tails.delete(call)) return;
      this.#gate.count(call.getPath(), status.OK);
      this.#gate.record(call, visit.caller, TailEventsRequest, results, status.OK).catch((error: unknown) => {
        this.#logger.error({ error: String(error), caller: visit.caller.name, results }, "a watch is not recorded");
      });
    };
    call.on("cancelled", close);
    call.on("close", close);
    // Callers know from the headers that they will miss nothing from now on.
    call.sendMetadata(new Metadata());
  }

  /** Ends the calls that would go on for ever. */
  close(): void {
    for (const call of this.#tails) call.end();
  }
}

/** Errors of questions, as callers see them. */
export function explainQuery(error: unknown): ServiceError | undefined {
  if (error instanceof FilterError) return invalid("FILTER_INVALID", error.message, { column: String(error.column) });
  if (error instanceof TokenError) return invalid("PAGE_TOKEN_INVALID", error.message);
  if (error instanceof BlockError) {
    return serviceError(status.DATA_LOSS, "BLOCK_DAMAGED", `a stored block is damaged: ${error.message}`);
  }
  if (error instanceof SearchTooWideError)
    return serviceError(status.RESOURCE_EXHAUSTED, "SEARCH_TOO_WIDE", error.message);
  return asServiceError(error);
}

/** Asks again where what is read was moved, which takes no longer than to read the catalog again. */
async function whileMoved<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof MovedError) || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}

/** Which hosts a question is about: those of the caller, or the one that is asked for if it is one of them. */
function hostsOf(hostId: string, { hosts }: Visit): HostSet {
  if (hostId === "") return hosts;
  return new Set(hosts?.has(hostId) === false ? [] : [hostId]);
}

/** Page tokens go on with the same rights only. */
function scopeOf({ caller }: Visit): string {
  return labelsKey(caller.scope);
}

function invalid(reason: string, message: string, metadata: Readonly<Record<string, string>> = {}): ServiceError {
  return serviceError(status.INVALID_ARGUMENT, reason, message, metadata);
}

function checkHostId(hostId: string, optional: boolean): string {
  if (isHostId(hostId) || (optional && hostId === "")) return hostId;
  throw invalid("HOST_ID_INVALID", "host_id must be 32 lower case hex digits", { host_id: hostId.slice(0, 128) });
}

function pageSizeOf(pageSize: number): number {
  if (pageSize < 0) throw invalid("PAGE_SIZE_INVALID", `page_size is ${pageSize}; 0 to ${PAGE_SIZE_MAX} are allowed`);
  return pageSize === 0 ? PAGE_SIZE_DEFAULT : Math.min(pageSize, PAGE_SIZE_MAX);
}

function nanosOf({ seconds, nanos }: Timestamp, field: string): bigint {
  const total = seconds * 1_000_000_000n + BigInt(nanos);
  if (nanos < 0 || nanos > 999_999_999 || total < -TIME_MAX || total > TIME_MAX) {
    throw invalid("TIME_INVALID", `${field} is out of range`);
  }
  return total;
}

function timestampOf(timeNano: bigint): Timestamp {
  return { seconds: timeNano / 1_000_000_000n, nanos: Number(timeNano % 1_000_000_000n) };
}

function toUnreadable({ unit, reason }: Unreadable): UnreadableEvents {
  return {
    hostId: unit.hostId,
    firstEventTime: timestampOf(unit.firstTimeNano),
    lastEventTime: timestampOf(unit.lastTimeNano),
    events: BigInt(unit.events),
    reason,
  };
}

function toRecord(host: HostDocument): HostRecord {
  const { firstEventNano, lastEventNano, lastReceivedMs, clockOffsetMs, faults, trail } = host;
  const { hostId, name, bootId, agentVersion, kernel, osName, osVersion, architecture } = host;
  return {
    hostId,
    name,
    bootId,
    agentVersion,
    kernel,
    osName,
    osVersion,
    architecture,
    firstEventTime: timestampOf(firstEventNano),
    lastEventTime: timestampOf(lastEventNano),
    lastReceiveTime: timestampOf(BigInt(lastReceivedMs) * 1_000_000n),
    clockOffsetMs: BigInt(clockOffsetMs),
    faults: {
      forkedBlocks: BigInt(faults.forkedBlocks),
      brokenLinks: BigInt(faults.brokenLinks),
      missingEvents: missingEvents(trail, Date.now(), HOLE_GRACE_MS),
      outsideBlocks: BigInt(faults.outsideBlocks),
      deadBlocks: BigInt(faults.deadBlocks),
    },
  };
}

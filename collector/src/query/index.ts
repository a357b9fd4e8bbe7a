/** The query API: answers from the database, and from the stream for those who watch. */
import { type handleServerStreamingCall, type ServiceError, status } from "@grpc/grpc-js";
import { BlockError, type ColumnBlock, isHostId, parseEventId } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";
import { FilterError } from "@hosttrail/lib/predicate";
import type { Event } from "@hosttrail/proto/event";
import {
  ExplainSearchRequest,
  ExportEventsRequest,
  GetEventRequest,
  GetHostRequest,
  type HostRecord,
  ListHostsRequest,
  type ListHostsResponse,
  type QueryServiceServer,
  SearchEventsRequest,
  StreamSearchRequest,
  type TailEventsRequest,
  type TailEventsResponse,
} from "@hosttrail/proto/query";
import { HostSelector } from "@hosttrail/proto/scan";
import type { HostFinder, Turns } from "../ask/index.ts";
import { MovedError } from "../history/index.ts";
import type { Drop, HostArrival, HostDocument } from "../model/index.ts";
import { type Budget, type ScanSource, ScanTooWideError } from "../scan/index.ts";
import {
  type Answers,
  asServiceError,
  type Gate,
  type PageTokens,
  requestFingerprint,
  serviceError,
  TokenError,
  type Visit,
} from "../serve/index.ts";
import { explainSearch } from "./explain.ts";
import { recordOf } from "./hosts.ts";
import { ownerOf, pageSizeIn } from "./question.ts";
import { SavedQueries, type SavedQueryArchive } from "./saved.ts";
import { Searches, type SearchParts } from "./search.ts";
import { type BlockTap, watch, type WatchCall, type WatchParts } from "./watch.ts";

/** Times that a question is asked again where what it reads is moved meanwhile. */
const ATTEMPTS_MAX = 4;
const ALWAYS = { startNano: -(1n << 63n), endNano: (1n << 63n) - 1n };

/** What the API needs of history and of the database. */
interface QueryArchive {
  /** One event, and the block of events that it is in. */
  find(hostId: string, epoch: bigint, seq: bigint): Promise<{ events: ColumnBlock; index: number } | undefined>;
  /** What retention dropped the event with; undefined where it did not. */
  dropOf?(hostId: string, epoch: bigint, seq: bigint): Promise<Drop | undefined>;
  /** Only these hosts; undefined for all. */
  listHosts(afterId: string, limit: number, hostIds: readonly string[] | undefined): Promise<HostDocument[]>;
  getHost(hostId: string): Promise<HostDocument | undefined>;
  /** How hosts came here. */
  arrivals(hostIds: readonly string[]): Promise<ReadonlyMap<string, HostArrival>>;
}

export interface QueryParts {
  archive: QueryArchive;
  source: ScanSource;
  tap: BlockTap;
  gate: Gate;
  tokens: PageTokens;
  finder: HostFinder;
  turns: Turns;
  saved: SavedQueryArchive;
  /** The most that one question may take. */
  most: Budget;
}

/** Answers calls; see proto/hosttrail/v1/query.proto for what each one means. */
export class QueryApi {
  readonly #parts: QueryParts;
  readonly #search: SearchParts;
  readonly #watch: WatchParts;

  constructor(parts: QueryParts, logger: Logger) {
    this.#parts = parts;
    this.#search = { ...parts, logger };
    this.#watch = { ...parts, logger, running: new Set<WatchCall>() };
  }

  /** The methods as grpc-js wants them. */
  get methods(): QueryServiceServer {
    const { gate, saved, tokens, turns } = this.#parts;
    const searches = new Searches(this.#search);
    return {
      searchEvents: gate.unary(SearchEventsRequest, (request, visit, signal) =>
        turns.take(visit, signal, () => searches.page(request, visit, signal)),
      ),
      streamSearch: gate.stream(StreamSearchRequest, (request, visit, sink) =>
        turns.take(visit, sink.signal, () => searches.stream(request, visit, sink)),
      ),
      exportEvents: gate.stream(ExportEventsRequest, (request, visit, sink) =>
        turns.take(visit, sink.signal, () => searches.export(request, visit, sink)),
      ),
      explainSearch: gate.unary(ExplainSearchRequest, (request, visit, signal) =>
        turns.take(visit, signal, () => explainSearch(this.#search, request, visit, signal)),
      ),
      getEvent: gate.unary(GetEventRequest, (request, visit) => this.#event(request, visit)),
      tailEvents: this.#tail,
      listHosts: gate.unary(ListHostsRequest, (request, visit) => this.#hosts(request, visit)),
      getHost: gate.unary(GetHostRequest, (request, visit) => this.#host(request, visit)),
      ...new SavedQueries(saved, tokens).methods(gate),
    };
  }

  async #event({ id }: GetEventRequest, { hosts }: Visit): Promise<Answers<Event>> {
    const parts = parseEventId(id);
    if (parts === undefined) {
      throw invalid("EVENT_ID_INVALID", "id must be <host id>-<epoch>-<seq> in hex digits", { id: id.slice(0, 128) });
    }
    const isThere = hosts?.has(parts.hostId) !== false;
    const found = isThere
      ? await whileMoved(() => this.#parts.archive.find(parts.hostId, parts.epoch, parts.seq))
      : undefined;
    if (found === undefined) throw await this.#notFound(id, isThere ? parts : undefined);
    return { response: found.events.event(found.index), results: 1 };
  }

  /** Why there is no such event, for whoever may know of its host. */
  async #notFound(
    id: string,
    parts: { hostId: string; epoch: bigint; seq: bigint } | undefined,
  ): Promise<ServiceError> {
    const drop = parts && (await this.#parts.archive.dropOf?.(parts.hostId, parts.epoch, parts.seq));
    if (drop === undefined) return serviceError(status.NOT_FOUND, "EVENT_NOT_FOUND", `no event ${id}`, { id });
    const { place, policy, timeMs } = drop;
    const time = new Date(timeMs).toISOString();
    const message = `event ${id} of ${place} was dropped by retention at ${time}, by the policy "${policy}"`;
    return serviceError(status.NOT_FOUND, "EVENT_DROPPED", message, { id, policy, drop_time: time });
  }

  async #hosts(request: ListHostsRequest, visit: Visit): Promise<Answers<ListHostsResponse>> {
    const { archive, finder, tokens } = this.#parts;
    const selector = request.hosts === undefined ? "" : JSON.stringify(HostSelector.toJSON(request.hosts));
    const fingerprint = requestFingerprint(["hosts", selector, ...ownerOf(visit)]);
    const after = request.pageToken === "" ? "" : await tokens.decode(request.pageToken, fingerprint);
    const pageSize = pageSizeIn(request);
    const selected = await finder.select({ hostId: "", hosts: request.hosts }, visit.hosts, ALWAYS);
    // One more than asked for tells whether there is a next page.
    const hosts = await archive.listHosts(after, pageSize + 1, selected && [...selected]);
    const page = hosts.slice(0, pageSize);
    const last = hosts.length > pageSize ? page.at(-1)?.hostId : undefined;
    const nextPageToken = last === undefined ? "" : await tokens.encode(fingerprint, last);
    const arrivals = await archive.arrivals(page.map(({ hostId }) => hostId));
    const records = page.map((host) => recordOf(host, arrivals.get(host.hostId)));
    return { response: { hosts: records, nextPageToken }, results: page.length };
  }

  async #host({ hostId }: GetHostRequest, { hosts }: Visit): Promise<Answers<HostRecord>> {
    if (!isHostId(hostId))
      throw invalid("HOST_ID_INVALID", "host_id must be 32 lower case hex digits", { host_id: hostId.slice(0, 128) });
    // Another team's host is as one that does not exist.
    const host = hosts?.has(hostId) === false ? undefined : await this.#parts.archive.getHost(hostId);
    if (host === undefined)
      throw serviceError(status.NOT_FOUND, "HOST_NOT_FOUND", `no host ${hostId}`, { host_id: hostId });
    const arrivals = await this.#parts.archive.arrivals([hostId]);
    return { response: recordOf(host, arrivals.get(hostId)), results: 1 };
  }

  readonly #tail: handleServerStreamingCall<TailEventsRequest, TailEventsResponse> = (call) => {
    const { gate } = this.#parts;
    watch(this.#watch, call).catch((error: unknown) => call.emit("error", gate.explain(call.getPath(), error)));
  };

  /** Ends the calls that would go on for ever. */
  close(): void {
    for (const call of this.#watch.running) call.end();
  }
}

/** Errors of questions, as callers see them. */
export function explainQuery(error: unknown): ServiceError | undefined {
  if (error instanceof FilterError) return invalid("FILTER_INVALID", error.message, { column: String(error.column) });
  if (error instanceof TokenError) return invalid("PAGE_TOKEN_INVALID", error.message);
  if (error instanceof BlockError) {
    return serviceError(status.DATA_LOSS, "BLOCK_DAMAGED", `a stored block is damaged: ${error.message}`);
  }
  if (error instanceof ScanTooWideError)
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

function invalid(reason: string, message: string, metadata: Readonly<Record<string, string>> = {}): ServiceError {
  return serviceError(status.INVALID_ARGUMENT, reason, message, metadata);
}

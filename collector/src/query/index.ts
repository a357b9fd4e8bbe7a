/** The query API: answers from the database, and from the stream for those who watch. */
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { BlockError, isHostId, parseEventId } from "@hosttrail/lib/block";
import { compileFilter, type Filter, FilterError } from "@hosttrail/lib/filter";
import type { Logger } from "@hosttrail/lib/log";
import type { Event } from "@hosttrail/proto/event";
import type {
  GetEventRequest,
  GetHostRequest,
  HostRecord,
  ListHostsRequest,
  ListHostsResponse,
  QueryServiceServer,
  SearchEventsRequest,
  SearchEventsResponse,
  TailEventsRequest,
  TailEventsResponse,
} from "@hosttrail/proto/query";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { metrics } from "../metrics/index.ts";
import type { HostDocument } from "../model/index.ts";
import { PeerError, peerOf, serviceError } from "../serve/index.ts";
import { type BlockSource, type FoundBlock, openStored, searchEvents } from "./search.ts";
import { Tail } from "./tail.ts";
import { decodePosition, decodeToken, encodePosition, encodeToken, requestFingerprint, TokenError } from "./token.ts";

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1000;
const TIME_MAX = (1n << 63n) - 1n;

/** What the API needs of the database. */
export interface QueryArchive extends BlockSource {
  findBlockOf(hostId: string, epoch: bigint, seq: bigint): Promise<FoundBlock | undefined>;
  listHosts(afterId: string, limit: number): Promise<HostDocument[]>;
  getHost(hostId: string): Promise<HostDocument | undefined>;
}

/** What the API needs of the stream. */
export interface BlockTap {
  tap(hostId: string | undefined, take: (bytes: Uint8Array) => void): { close: () => void };
}

export interface QueryOptions {
  /** Blocks that one search opens, at most. */
  blocksMax: number;
}

/** Answers calls; see proto/hosttrail/v1/query.proto for what each one means. */
export class QueryApi {
  readonly #archive: QueryArchive;
  readonly #tap: BlockTap;
  readonly #options: QueryOptions;
  readonly #logger: Logger;
  readonly #tails = new Set<ServerWritableStream<TailEventsRequest, TailEventsResponse>>();

  constructor(archive: QueryArchive, tap: BlockTap, options: QueryOptions, logger: Logger) {
    this.#archive = archive;
    this.#tap = tap;
    this.#options = options;
    this.#logger = logger;
  }

  /** The methods as grpc-js wants them. */
  get methods(): QueryServiceServer {
    return {
      searchEvents: this.#unary("SearchEvents", (request) => this.#search(request)),
      getEvent: this.#unary("GetEvent", (request) => this.#event(request)),
      tailEvents: this.#tail,
      listHosts: this.#unary("ListHosts", (request) => this.#hosts(request)),
      getHost: this.#unary("GetHost", (request) => this.#host(request)),
    };
  }

  #unary<Request, Response>(
    method: string,
    answer: (request: Request) => Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return (call: ServerUnaryCall<Request, Response>, callback) => {
      const run = async (): Promise<Response> => {
        peerOf(call, "user");
        return await answer(call.request);
      };
      run().then(
        (response) => {
          metrics.queryCalls.inc({ method, code: "OK" });
          callback(null, response);
        },
        (error: unknown) => callback(this.#explain(method, error)),
      );
    };
  }

  /** What the caller did wrong is told; what we did wrong is logged. */
  #explain(method: string, error: unknown): ServiceError {
    const known = asServiceError(error);
    metrics.queryCalls.inc({ method, code: status[known?.code ?? status.INTERNAL] ?? "" });
    if (known !== undefined) return known;
    this.#logger.error({ method, error: String(error) }, "a query failed");
    return serviceError(status.UNAVAILABLE, "DATABASE_UNAVAILABLE", "the database did not answer", {}, 1000);
  }

  async #search(request: SearchEventsRequest): Promise<SearchEventsResponse> {
    const hostId = checkHostId(request.hostId, true);
    const startNano = request.startTime === undefined ? 0n : nanosOf(request.startTime, "start_time");
    const endNano = request.endTime === undefined ? TIME_MAX : nanosOf(request.endTime, "end_time");
    const filter = compileFilter(request.filter);
    const fingerprint = requestFingerprint([request.filter, hostId, String(startNano), String(endNano)]);
    const after = request.pageToken === "" ? undefined : decodePosition(decodeToken(request.pageToken, fingerprint));
    const { events, next } = await searchEvents(
      this.#archive,
      { filter, hostId: hostId || undefined, startNano, endNano, pageSize: pageSizeOf(request.pageSize), after },
      { blocksMax: this.#options.blocksMax, opened: () => metrics.queryBlocks.inc() },
    );
    return { events, nextPageToken: next === undefined ? "" : encodeToken(fingerprint, encodePosition(next)) };
  }

  async #event({ id }: GetEventRequest): Promise<Event> {
    const parts = parseEventId(id);
    if (parts === undefined) {
      throw invalid("EVENT_ID_INVALID", "id must be <host id>-<epoch>-<seq> in hex digits", { id: id.slice(0, 128) });
    }
    const found = await this.#archive.findBlockOf(parts.hostId, parts.epoch, parts.seq);
    if (found === undefined) throw serviceError(status.NOT_FOUND, "EVENT_NOT_FOUND", `no event ${id}`, { id });
    const block = openStored(found);
    return block.event(Number(parts.seq - block.position.firstSeq));
  }

  async #hosts(request: ListHostsRequest): Promise<ListHostsResponse> {
    const fingerprint = requestFingerprint(["hosts"]);
    const after = request.pageToken === "" ? "" : decodeToken(request.pageToken, fingerprint);
    if (after !== "" && !isHostId(after)) throw new TokenError("page_token is not one that this API gave out");
    const pageSize = pageSizeOf(request.pageSize);
    // One more than asked for tells whether there is a next page.
    const hosts = await this.#archive.listHosts(after, pageSize + 1);
    const page = hosts.slice(0, pageSize);
    const last = hosts.length > pageSize ? page.at(-1)?.hostId : undefined;
    return {
      hosts: page.map(toRecord),
      nextPageToken: last === undefined ? "" : encodeToken(fingerprint, last),
    };
  }

  async #host(request: GetHostRequest): Promise<HostRecord> {
    const hostId = checkHostId(request.hostId, false);
    const host = await this.#archive.getHost(hostId);
    if (host === undefined) {
      throw serviceError(status.NOT_FOUND, "HOST_NOT_FOUND", `no host ${hostId}`, { host_id: hostId });
    }
    return toRecord(host);
  }

  readonly #tail: handleServerStreamingCall<TailEventsRequest, TailEventsResponse> = (call) => {
    let filter: Filter;
    let hostId: string;
    try {
      peerOf(call, "user");
      filter = compileFilter(call.request.filter);
      hostId = checkHostId(call.request.hostId, true);
    } catch (error) {
      call.emit("error", this.#explain("TailEvents", error));
      return;
    }
    const tail = new Tail(filter, {
      full: () => call.writableNeedDrain,
      write: (response) => void call.write(response),
    });
    const tap = this.#tap.tap(hostId || undefined, (bytes) => tail.take(bytes));
    this.#tails.add(call);
    const close = (): void => {
      tap.close();
      if (this.#tails.delete(call)) metrics.queryCalls.inc({ method: "TailEvents", code: "OK" });
    };
    call.on("cancelled", close);
    call.on("close", close);
    // Callers know from the headers that they will miss nothing from now on.
    call.sendMetadata(call.metadata.clone());
  };

  /** Ends the calls that would go on for ever. */
  close(): void {
    for (const call of this.#tails) call.end();
  }
}

function asServiceError(error: unknown): ServiceError | undefined {
  if (error instanceof FilterError) return invalid("FILTER_INVALID", error.message, { column: String(error.column) });
  if (error instanceof TokenError) return invalid("PAGE_TOKEN_INVALID", error.message);
  if (error instanceof BlockError) {
    return serviceError(status.DATA_LOSS, "BLOCK_DAMAGED", `a stored block is damaged: ${error.message}`);
  }
  if (error instanceof PeerError)
    return serviceError(status.PERMISSION_DENIED, "CERTIFICATE_UNSUITABLE", error.message);
  return error instanceof Error && "code" in error && "details" in error ? (error as ServiceError) : undefined;
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

function toRecord(host: HostDocument): HostRecord {
  const { firstEventNano, lastEventNano, ...facts } = host;
  return { ...facts, firstEventTime: timestampOf(firstEventNano), lastEventTime: timestampOf(lastEventNano) };
}

/** What was found, for callers who may see all hosts. */
import { status } from "@grpc/grpc-js";
import {
  type Coverage,
  type CoverageServiceServer,
  GetCoverageRequest,
  ListCoverageChangesRequest,
  type ListCoverageChangesResponse,
  ListCoverageInstancesRequest,
  type ListCoverageInstancesResponse,
} from "@hosttrail/proto/coverage";
import type { CoverageChange, CoveragePoll, CoveredInstance } from "../model/index.ts";
import {
  type Answers,
  type Gate,
  invalidField,
  millisecondsOf,
  type PageTokens,
  pageSizeOf,
  requestFingerprint,
  serviceError,
  type Visit,
} from "../serve/index.ts";
import { toChange, toInstance, toLook } from "./messages.ts";
import { checkAccounts, Counts, grouper, selector, statesOf } from "./select.ts";

/** What it reads. Each throws a RetryableError where the database is away. */
export interface CoverageReader {
  getPoll(): Promise<CoveragePoll | undefined>;
  /** In the order of `account/region/instance`, after one of them. */
  listInstances(afterId: string, limit: number): Promise<CoveredInstance[]>;
  /** Of this time or later, the newest first, after one of them. */
  listChanges(startMs: number, afterId: string, limit: number): Promise<KeptChange[]>;
}

interface KeptChange {
  id: string;
  change: CoverageChange;
}

const READ_TOGETHER = 1000;
/** What one page looks through, at most: then it says where to go on. */
const PAGE_LOOKS_MAX = 50_000;

export class CoverageApi {
  readonly #reader: CoverageReader;
  readonly #tokens: PageTokens;

  constructor(reader: CoverageReader, tokens: PageTokens) {
    this.#reader = reader;
    this.#tokens = tokens;
  }

  /** The methods as grpc-js wants them. */
  methods(gate: Gate): CoverageServiceServer {
    return {
      getCoverage: gate.unary(GetCoverageRequest, (request, visit, signal) => this.#get(request, visit, signal)),
      listCoverageInstances: gate.unary(ListCoverageInstancesRequest, (request, visit) =>
        this.#instances(request, visit),
      ),
      listCoverageChanges: gate.unary(ListCoverageChangesRequest, (request, visit) => this.#changes(request, visit)),
    };
  }

  async #get(
    { filter, grouping, tagKey }: GetCoverageRequest,
    visit: Visit,
    signal: AbortSignal,
  ): Promise<Answers<Coverage>> {
    unscoped(visit);
    const fits = selector(filter);
    const groupOf = grouper(grouping, tagKey);
    const poll = await this.#poll();
    const counts = new Counts();
    for (let after = ""; ; ) {
      signal.throwIfAborted();
      const page = await this.#reader.listInstances(after, READ_TOGETHER);
      for (const each of page) if (fits(each)) counts.add(each, groupOf?.(each));
      const last = page.at(-1);
      if (last === undefined || page.length < READ_TOGETHER) break;
      after = placeOf(last);
    }
    return { response: { ...toLook(poll), ...counts.told }, results: counts.total };
  }

  async #instances(
    { pageSize, pageToken, filter }: ListCoverageInstancesRequest,
    visit: Visit,
  ): Promise<Answers<ListCoverageInstancesResponse>> {
    unscoped(visit);
    const fits = selector(filter);
    const size = pageSizeOf(pageSize);
    const asked = JSON.stringify(filter ?? {});
    const fingerprint = requestFingerprint(["coverage instances", visit.caller.name, asked]);
    const after = pageToken === "" ? "" : await this.#tokens.decode(pageToken, fingerprint);
    const poll = await this.#poll();
    const stale = new Map(poll.stale.map(({ account, region, seenMs }) => [`${account}/${region}`, seenMs]));
    const read = (place: string): Promise<CoveredInstance[]> => this.#reader.listInstances(place, READ_TOGETHER);
    const { found, next } = await gather(read, placeOf, fits, size, after);
    const instances = found.map((each) =>
      toInstance(each, each.endMs || (stale.get(`${each.account}/${each.region}`) ?? poll.startMs)),
    );
    const nextPageToken = next === "" ? "" : await this.#tokens.encode(fingerprint, next);
    return { response: { instances, nextPageToken }, results: instances.length };
  }

  async #changes(
    { pageSize, pageToken, startTime, states: numbers, accounts }: ListCoverageChangesRequest,
    visit: Visit,
  ): Promise<Answers<ListCoverageChangesResponse>> {
    unscoped(visit);
    const states = statesOf("states", numbers);
    checkAccounts("accounts", accounts);
    const size = pageSizeOf(pageSize);
    const startMs = startTime === undefined ? 0 : millisecondsOf("start_time", startTime);
    if (startMs === undefined) throw invalidField("start_time", "", "times");
    const asked = JSON.stringify([startMs, [...states], accounts]);
    const fingerprint = requestFingerprint(["coverage changes", visit.caller.name, asked]);
    const after = pageToken === "" ? "" : await this.#tokens.decode(pageToken, fingerprint);
    const fits = ({ change: { state, account } }: KeptChange): boolean =>
      (states.size === 0 || (state !== undefined && states.has(state))) &&
      (accounts.length === 0 || accounts.includes(account));
    const read = (place: string): Promise<KeptChange[]> => this.#reader.listChanges(startMs, place, READ_TOGETHER);
    const { found, next } = await gather(read, ({ id }) => id, fits, size, after);
    const nextPageToken = next === "" ? "" : await this.#tokens.encode(fingerprint, next);
    const changes = found.map(({ change }) => toChange(change));
    return { response: { changes, nextPageToken }, results: changes.length };
  }

  async #poll(): Promise<CoveragePoll> {
    const poll = await this.#reader.getPoll();
    if (poll !== undefined) return poll;
    const message =
      "no cloud was looked at yet: a process with the role coverage does it, where coverage.aws names accounts or an organization";
    throw serviceError(status.NOT_FOUND, "COVERAGE_NOT_FOUND", message);
  }
}

/**
 * Those that fit, as many as a page has; `next` is after which one to go on, empty where there is nothing more. A page may have fewer, where
 * few fit.
 */
async function gather<Item>(
  read: (after: string) => Promise<Item[]>,
  idOf: (item: Item) => string,
  fits: (item: Item) => boolean,
  size: number,
  start: string,
): Promise<{ found: Item[]; next: string }> {
  const found: Item[] = [];
  let after = start;
  for (let looked = 0; looked < PAGE_LOOKS_MAX; ) {
    const page = await read(after);
    for (const item of page) {
      if (found.length === size) return { found, next: after };
      after = idOf(item);
      looked++;
      if (fits(item)) found.push(item);
    }
    if (page.length < READ_TOGETHER) return { found, next: "" };
  }
  return { found, next: after };
}

/** As the database has them in order. */
function placeOf({ account, region, instanceId }: CoveredInstance): string {
  return `${account}/${region}/${instanceId}`;
}

/** Of a machine without an agent nobody knows whose it is. */
function unscoped({ caller }: Visit): void {
  if (Object.keys(caller.scope).length === 0) return;
  throw serviceError(status.PERMISSION_DENIED, "SCOPE_TOO_SMALL", `${caller.name} may only see some hosts`);
}

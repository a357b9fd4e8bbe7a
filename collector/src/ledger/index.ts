/** The API of the ledger: whether all that hosts recorded is where it should be. See proto/hosttrail/v1/ledger.proto, docs/ledger.md. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";
import {
  GetLedgerRequest,
  type Ledger,
  LedgerInterval,
  type LedgerServiceServer,
  ListLedgersRequest,
  type ListLedgersResponse,
} from "@hosttrail/proto/ledger";
import { HostSelector } from "@hosttrail/proto/scan";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { labelsKey } from "../access/index.ts";
import { budgetOf, nanosOf, type TimeRange } from "../ask/index.ts";
import { completenessOf, ScanReport } from "../scan/index.ts";
import { type Answers, type Gate, invalidField, requestFingerprint, serviceError, type Visit } from "../serve/index.ts";
import { ledgerOf } from "./message.ts";
import { readAccounts } from "./read.ts";
import type { LedgerSource } from "./source.ts";

export { readAccounts } from "./read.ts";
export { LedgerWatch } from "./watch.ts";
export type { DeadNumbers } from "./fate.ts";
export type { EpochRange } from "./numbers.ts";
export type { LedgerHost, LedgerPast, LedgerSource } from "./source.ts";

const PAGE = { none: 50, most: 200 };
const DAY_NANO = 86_400_000_000_000n;
const RANGE_MAX_NANO: bigint = 31n * DAY_NANO;
const STRETCHES_MAX = 10_000n;
const NANOS_OF_MS = 1_000_000n;
const ALWAYS = { startNano: -(1n << 63n), endNano: (1n << 63n) - 1n };

const INTERVAL_MS: Readonly<Partial<Record<LedgerInterval, number>>> = {
  [LedgerInterval.MINUTE]: 60_000,
  [LedgerInterval.HOUR]: 3_600_000,
  [LedgerInterval.DAY]: 86_400_000,
};

interface Asked {
  startTime: Timestamp | undefined;
  endTime: Timestamp | undefined;
  interval: LedgerInterval;
}

export class LedgerApi {
  readonly #source: LedgerSource;
  readonly #gate: Gate;
  readonly #logger: Logger;

  constructor(source: LedgerSource, gate: Gate, logger: Logger) {
    this.#source = source;
    this.#gate = gate;
    this.#logger = logger;
  }

  /** The methods as grpc-js wants them. */
  get methods(): LedgerServiceServer {
    const { turns } = this.#source;
    return {
      getLedger: this.#gate.unary(GetLedgerRequest, (request, visit, signal) =>
        turns.take(visit, signal, () => this.#get(request, visit, signal)),
      ),
      listLedgers: this.#gate.unary(ListLedgersRequest, (request, visit, signal) =>
        turns.take(visit, signal, () => this.#list(request, visit, signal)),
      ),
    };
  }

  async #get(request: GetLedgerRequest, { hosts }: Visit, signal: AbortSignal): Promise<Answers<Ledger>> {
    const { hostId } = request;
    if (!isHostId(hostId))
      throw invalid("HOST_ID_INVALID", "host_id must be 32 lower case hex digits", { host_id: hostId.slice(0, 128) });
    const about = { ...aboutOf(request), budget: budgetOf(request.budget, this.#source.most), signal };
    const report = new ScanReport();
    // Another team's host is as one that does not exist.
    const hostIds = new Set(hosts?.has(hostId) === false ? [] : [hostId]);
    const [account] =
      hostIds.size === 0 ? [] : await readAccounts(this.#source, { ...about, hostIds, isWhole: true }, report);
    if (account === undefined)
      throw serviceError(status.NOT_FOUND, "HOST_NOT_FOUND", `no host ${hostId}`, { host_id: hostId });
    this.#end(report, signal);
    const response = { ...ledgerOf(account, about.intervalMs), completeness: completenessOf(report) };
    return { response, results: account.reports };
  }

  async #list(request: ListLedgersRequest, visit: Visit, signal: AbortSignal): Promise<Answers<ListLedgersResponse>> {
    const { tokens, finder, most } = this.#source;
    const about = { ...aboutOf(request), budget: budgetOf(request.budget, most), signal };
    const { pageSize } = request;
    if (pageSize < 0 || pageSize > PAGE.most)
      throw invalidField("page_size", pageSize, `1 to ${PAGE.most}; 0 is ${PAGE.none}`);
    const fingerprint = fingerprintOf(request, visit);
    const after = request.pageToken === "" ? "" : await tokens.decode(request.pageToken, fingerprint);
    const selected = await finder.select({ hostId: "", hosts: request.hosts }, visit.hosts, ALWAYS);
    const size = pageSize === 0 ? PAGE.none : pageSize;
    // One more than asked for tells whether there is a next page.
    const hosts = await this.#source.listHosts(after, size + 1, selected && [...selected]);
    const page = hosts.slice(0, size);
    const report = new ScanReport();
    const hostIds = new Set(page.map(({ hostId }) => hostId));
    const accounts =
      page.length === 0 ? [] : await readAccounts(this.#source, { ...about, hostIds, isWhole: false }, report);
    this.#end(report, signal);
    const last = hosts.length > size ? page.at(-1)?.hostId : undefined;
    return {
      response: {
        ledgers: accounts.map((account) => ledgerOf(account, about.intervalMs)),
        nextPageToken: last === undefined ? "" : await tokens.encode(fingerprint, last),
        completeness: completenessOf(report),
      },
      results: accounts.length,
    };
  }

  #end({ unreadable }: ScanReport, signal: AbortSignal): void {
    if (signal.aborted) throw serviceError(status.CANCELLED, "CALLER_LEFT", "the caller ended the call");
    for (const { unit, reason } of unreadable)
      this.#logger.error({ host: unit.hostId, place: unit.place, payload: unit.id, reason }, "history is damaged");
  }
}

/** Time and interval, looked at. Throws a ServiceError. */
function aboutOf({ startTime, endTime, interval }: Asked): TimeRange & {
  nowNano: bigint;
  intervalMs: number | undefined;
} {
  const nowNano = BigInt(Date.now()) * NANOS_OF_MS;
  const endNano = endTime === undefined ? nowNano : nanosOf(endTime, "end_time");
  const startNano = startTime === undefined ? endNano - DAY_NANO : nanosOf(startTime, "start_time");
  if (startNano >= endNano)
    throw invalid("TIME_RANGE_INVALID", "start_time is not before end_time: nothing can be in between");
  if (endNano - startNano > RANGE_MAX_NANO)
    throw invalid("TIME_RANGE_INVALID", "start_time and end_time are more than 31 days apart");
  const intervalMs = INTERVAL_MS[interval];
  if (intervalMs === undefined && interval !== LedgerInterval.UNSPECIFIED)
    throw invalidField("interval", interval, "0 to 3");
  if (intervalMs !== undefined && (endNano - startNano) / (BigInt(intervalMs) * NANOS_OF_MS) > STRETCHES_MAX)
    throw invalidField("interval", interval, `those of which ${STRETCHES_MAX} are enough for the time`);
  return { startNano, endNano, nowNano, intervalMs };
}

/** Tokens go on for the same question of the same caller with the same rights only. */
function fingerprintOf(request: ListLedgersRequest, { caller }: Visit): string {
  const { startTime, endTime, interval, hosts } = request;
  const time = (at: Timestamp | undefined): string => (at === undefined ? "" : `${at.seconds}.${at.nanos}`);
  const selector = hosts === undefined ? "" : JSON.stringify(HostSelector.toJSON(hosts));
  const owner = [caller.name, labelsKey(caller.scope)];
  return requestFingerprint(["ledgers", time(startTime), time(endTime), String(interval), selector, ...owner]);
}

function invalid(reason: string, message: string, metadata: Readonly<Record<string, string>> = {}): ServiceError {
  return serviceError(status.INVALID_ARGUMENT, reason, message, metadata);
}

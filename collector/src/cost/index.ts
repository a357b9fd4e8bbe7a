/** The API of cost: what hosts took, day by day, and when the disk is full. See proto/hosttrail/v1/cost.proto, docs/cost.md. */
import {
  type CostServiceServer,
  type DiskForecast,
  type HostCost,
  ListHostCostsRequest,
  type ListHostCostsResponse,
} from "@hosttrail/proto/cost";
import { HostSelector } from "@hosttrail/proto/scan";
import { type HostSet, labelsKey } from "../access/index.ts";
import type { HostFinder } from "../ask/index.ts";
import type { Catalog, DiskSample, HostDocument, Place } from "../model/index.ts";
import {
  type Answers,
  type Gate,
  invalidField,
  type PageTokens,
  requestFingerprint,
  timestampOf,
  type Visit,
} from "../serve/index.ts";
import { dayHoursOf } from "./hours.ts";

/** What it is told from. Each throws a RetryableError where the database is away. */
export interface CostSource {
  finder: HostFinder;
  listHosts(afterId: string, limit: number, hostIds: readonly string[] | undefined): Promise<HostDocument[]>;
  /** Days that have history, the newest first. */
  days(): Promise<Place[]>;
  catalogs(place: Place, hostIds: readonly string[] | undefined): Promise<Catalog[]>;
  /** By a host's id, for how many days its events are kept; as of now. */
  keepDays(): Promise<(hostId: string) => number>;
  diskSamples(): Promise<DiskSample[]>;
  /** When a disk will be full, milliseconds since 1970. */
  fullAt(samples: readonly DiskSample[]): number | undefined;
}

const PAGE = { none: 50, most: 200 } as const;
const DAYS = { none: 14, most: 31 } as const;
const ALWAYS = { startNano: -(1n << 63n), endNano: (1n << 63n) - 1n };

export class CostApi {
  readonly #source: CostSource;
  readonly #tokens: PageTokens;

  constructor(source: CostSource, tokens: PageTokens) {
    this.#source = source;
    this.#tokens = tokens;
  }

  /** The methods as grpc-js wants them. */
  methods(gate: Gate): CostServiceServer {
    return { listHostCosts: gate.unary(ListHostCostsRequest, (request, visit) => this.#list(request, visit)) };
  }

  async #list(request: ListHostCostsRequest, visit: Visit): Promise<Answers<ListHostCostsResponse>> {
    const { pageSize, days, withHours } = request;
    if (pageSize < 0 || pageSize > PAGE.most)
      throw invalidField("page_size", pageSize, `1 to ${PAGE.most}; 0 is ${PAGE.none}`);
    if (days < 0 || days > DAYS.most) throw invalidField("days", days, `1 to ${DAYS.most}; 0 is ${DAYS.none}`);
    const fingerprint = fingerprintOf(request, visit);
    const after = request.pageToken === "" ? "" : await this.#tokens.decode(request.pageToken, fingerprint);
    const selected = await this.#source.finder.select({ hostId: "", hosts: request.hosts }, visit.hosts, ALWAYS);
    const size = pageSize === 0 ? PAGE.none : pageSize;
    // One more than asked for tells whether there is a next page.
    const hosts = await this.#source.listHosts(after, size + 1, selected && [...selected]);
    const page = hosts.slice(0, size);
    const last = hosts.length > size ? page.at(-1)?.hostId : undefined;
    const hostCosts = await this.#costsOf(page, { days: days === 0 ? DAYS.none : days, withHours });
    return {
      response: {
        hostCosts,
        nextPageToken: last === undefined ? "" : await this.#tokens.encode(fingerprint, last),
        disk: await this.#disk(visit.hosts),
      },
      results: hostCosts.length,
    };
  }

  /** One day of the page's hosts is in memory at a time. */
  async #costsOf(
    hosts: readonly HostDocument[],
    { days, withHours }: { days: number; withHours: boolean },
  ): Promise<HostCost[]> {
    if (hosts.length === 0) return [];
    const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
    const whole = (await this.#source.days()).filter((day) => day < today).slice(0, days);
    const keepDays = await this.#source.keepDays();
    const costs = new Map(
      hosts.map(({ hostId, name }): [string, HostCost] => [
        hostId,
        { hostId, hostName: name, days: [], keepDays: keepDays(hostId) },
      ]),
    );
    for (const day of whole)
      for (const { hostId, entries } of await this.#source.catalogs(day, [...costs.keys()])) {
        const sum = (of: "events" | "blocks" | "bytes"): bigint =>
          BigInt(entries.reduce((total, entry) => total + entry[of], 0));
        const hourEvents = (withHours ? dayHoursOf(day, entries) : undefined)?.map(BigInt) ?? [];
        const sums = { events: sum("events"), blocks: sum("blocks"), bytes: sum("bytes") };
        costs.get(hostId)?.days.push({ day, ...sums, hourEvents });
      }
    return [...costs.values()];
  }

  async #disk(visible: HostSet): Promise<DiskForecast | undefined> {
    if (visible !== undefined) return undefined;
    const samples = await this.#source.diskSamples();
    const last = samples.at(-1);
    if (last === undefined) return undefined;
    const fullMs = this.#source.fullAt(samples);
    return {
      usedBytes: BigInt(Math.round(last.usedBytes)),
      totalBytes: BigInt(Math.round(last.totalBytes)),
      fullTime: fullMs === undefined ? undefined : timestampOf(fullMs),
    };
  }
}

/** Tokens go on for the same question of the same caller with the same rights only. */
function fingerprintOf({ days, hosts, withHours }: ListHostCostsRequest, { caller }: Visit): string {
  const selector = hosts === undefined ? "" : JSON.stringify(HostSelector.toJSON(hosts));
  return requestFingerprint([
    "host costs",
    String(days),
    String(withHours),
    selector,
    caller.name,
    labelsKey(caller.scope),
  ]);
}

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
import type { DiskSample, HostDocument, Place } from "../model/index.ts";
import {
  type Answers,
  type Gate,
  invalidField,
  type PageTokens,
  requestFingerprint,
  timestampOf,
  type Visit,
} from "../serve/index.ts";
import { type DaySource, DaySums } from "./days.ts";
import { Remembered } from "./remembered.ts";

type CostHost = Pick<HostDocument, "hostId" | "name">;
type KeepDays = (hostId: string) => number;

/** What it is told from. Each throws a RetryableError where the database is away. */
export interface CostSource extends DaySource {
  finder: HostFinder;
  /** In the order of their ids, after one of them; only these, undefined for all. */
  listHosts(afterId: string, limit: number, hostIds: readonly string[] | undefined): Promise<CostHost[]>;
  /** Days that have history, the newest first. */
  days(): Promise<Place[]>;
  /** By a host's id, for how many days its events are kept; as of now. */
  keepDays(): Promise<KeepDays>;
  diskSamples(): Promise<DiskSample[]>;
  /** When a disk will be full, milliseconds since 1970. */
  fullAt(samples: readonly DiskSample[]): number | undefined;
}

const PAGE = { none: 50, most: 200 } as const;
const DAYS = { none: 14, most: 31 } as const;
/** Of more hosts, each page is listed by itself. */
const HOSTS_REMEMBERED_MAX = 100_000;
const ALWAYS = { startNano: -(1n << 63n), endNano: (1n << 63n) - 1n };

export class CostApi {
  readonly #source: CostSource;
  readonly #tokens: PageTokens;
  readonly #sums: DaySums;
  readonly #hosts: Remembered<CostHost[]>;
  readonly #keepDays: Remembered<KeepDays>;

  constructor(source: CostSource, tokens: PageTokens) {
    this.#source = source;
    this.#tokens = tokens;
    this.#sums = new DaySums(source);
    this.#hosts = new Remembered(() => source.listHosts("", HOSTS_REMEMBERED_MAX, undefined));
    this.#keepDays = new Remembered(() => source.keepDays());
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
    const hosts = await this.#hostsAfter(after, size + 1, selected);
    const page = hosts.slice(0, size);
    const last = hosts.length > size ? page.at(-1)?.hostId : undefined;
    const keepDays = await this.#keepDays.get(after === "");
    const hostCosts = await this.#costsOf(page, { days: days === 0 ? DAYS.none : days, withHours, keepDays });
    return {
      response: {
        hostCosts,
        nextPageToken: last === undefined ? "" : await this.#tokens.encode(fingerprint, last),
        disk: await this.#disk(visit.hosts),
      },
      results: hostCosts.length,
    };
  }

  /** The embedded database reads all hosts to list some of them: the pages after the first are taken from one list that is no older. */
  async #hostsAfter(afterId: string, limit: number, selected: HostSet): Promise<CostHost[]> {
    if (afterId === "") this.#hosts.forget();
    const all = afterId === "" ? undefined : await this.#hosts.get(false);
    if (all === undefined || all.length === HOSTS_REMEMBERED_MAX)
      return await this.#source.listHosts(afterId, limit, selected && [...selected]);
    const later = all.filter(({ hostId }) => hostId > afterId && selected?.has(hostId) !== false);
    return later.slice(0, limit);
  }

  async #costsOf(
    hosts: readonly CostHost[],
    { days, withHours, keepDays }: { days: number; withHours: boolean; keepDays: KeepDays },
  ): Promise<HostCost[]> {
    if (hosts.length === 0) return [];
    const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
    const whole = (await this.#source.days()).filter((day) => day < today).slice(0, days);
    const costs = new Map(
      hosts.map(({ hostId, name }): [string, HostCost] => [
        hostId,
        { hostId, hostName: name, days: [], keepDays: keepDays(hostId) },
      ]),
    );
    for (const day of whole) {
      const sums = await this.#sums.of(day, [...costs.keys()]);
      for (const [hostId, cost] of costs) {
        const sum = sums.get(hostId);
        if (sum === undefined) continue;
        const [events, blocks, bytes] = [BigInt(sum.events), BigInt(sum.blocks), BigInt(sum.bytes)];
        const hourEvents = withHours ? (sum.hourEvents?.map(BigInt) ?? []) : [];
        cost.days.push({ day, events, blocks, bytes, hourEvents });
      }
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

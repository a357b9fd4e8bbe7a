/** One look at a cloud: all its machines beside all hosts, account by account and region by region. */
import type { Logger } from "@hosttrail/lib/log";
import type {
  CloudAccount,
  CloudInstance,
  CloudProblem,
  CoveragePoll,
  CoverageState,
  CoveredInstance,
} from "../model/index.ts";
import { eachOf } from "./each.ts";
import { MachineHosts } from "./hosts.ts";
import type { JudgeOptions } from "./judge.ts";
import { judgePlace } from "./place.ts";
import type { Cloud, CoverageStore, HostSource } from "./ports.ts";

interface Place {
  account: string;
  region: string;
}

export interface LookOptions extends JudgeOptions {
  /** All active accounts of the organisation, but these. */
  organization: boolean;
  exceptAccounts: readonly string[];
  /** Accounts that are looked at beside. */
  accounts: readonly string[];
  /** None: all that an account has enabled. */
  regions: readonly string[];
}

export interface LookParts {
  cloud: Cloud;
  store: CoverageStore;
  hosts: HostSource;
  options: LookOptions;
  /** False as soon as another process may look: then nothing more is written. */
  isHeld: () => boolean;
  logger: Logger;
}

/** Looked at together; of each account as many regions. */
const ACCOUNTS_AT_ONCE = 8;
const REGIONS_AT_ONCE = 4;
/** Machines of one region and account; those beyond are counted. */
const PLACE_INSTANCES_MAX = 50_000;
/** EC2 tells of what ended for about an hour; a look may take a while itself. */
const BLIND_AFTER_MS = 50 * 60_000;
/** What one look may take; then what was not looked at is a problem. */
const LOOK_MAX_MS = 30 * 60_000;
const PROBLEMS_MAX = 10_000;
const CHANGES_KEPT_MS = 90 * 86_400_000;
const CHANGES_MAX = 100_000;

export class Look {
  readonly #parts: LookParts;
  readonly #nowMs: number;
  /** That we are to end, and that too long was asked as well. */
  readonly #signal: AbortSignal;
  readonly #asking: AbortSignal;
  readonly #problems: CloudProblem[] = [];
  readonly #stale: CoveragePoll["stale"] = [];
  readonly #counts = new Map<CoverageState, number>();
  #leftOut = 0;

  constructor(parts: LookParts, nowMs: number, signal: AbortSignal) {
    this.#parts = parts;
    this.#nowMs = nowMs;
    this.#signal = signal;
    this.#asking = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MAX_MS)]);
  }

  /** Looks, and keeps what it found. Throws where the database is away, and where the signal or the lease ends it. */
  async run(): Promise<CoveragePoll> {
    const { store, cloud, hosts: source } = this.#parts;
    const before = await store.getPoll();
    const hosts = new MachineHosts(await source.troubles(this.#nowMs));
    for await (const page of source.hosts()) for (const host of page) hosts.add(host);
    const known = await store.listPlaces();
    const accounts = await this.#accounts(before, known);
    const told: CoveragePoll["accounts"] = [];
    await eachOf(accounts, ACCOUNTS_AT_ONCE, async (account) => {
      told.push(await this.#lookAtAccount(account, regionsOf(known, account.account), hosts, before));
    });
    this.#signal.throwIfAborted();
    const poll: CoveragePoll = {
      startMs: this.#nowMs,
      endMs: Date.now(),
      accounts: told.sort((a, b) => (a.account < b.account ? -1 : 1)),
      problems: this.#problems.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1)),
      stale: this.#stale,
      calls: cloud.calls,
      leftOutInstances: this.#leftOut,
      leftOutHosts: hosts.leftOut,
      counts: Object.fromEntries(this.#counts),
      refusedClaims: [...hosts.refused],
      blindStartMs: before !== undefined && this.#nowMs - before.startMs > BLIND_AFTER_MS ? before.endMs : 0,
    };
    this.#checkHeld();
    await store.putPoll(poll);
    await store.trimChanges(this.#nowMs - CHANGES_KEPT_MS, CHANGES_MAX);
    return poll;
  }

  /** Those that are to be looked at. Where the organisation cannot be asked, those that are known. */
  async #accounts(before: CoveragePoll | undefined, known: readonly Place[]): Promise<readonly CloudAccount[]> {
    const { cloud, options } = this.#parts;
    const { organization, exceptAccounts } = options;
    const named = options.accounts.map((account) => ({ account, name: "" }));
    let listed: readonly CloudAccount[] = [];
    let isWhole = true;
    if (organization) {
      try {
        listed = (await cloud.accounts(this.#asking)).filter(({ account }) => !exceptAccounts.includes(account));
      } catch (error) {
        this.#note("", "", error);
        isWhole = false;
        listed = before?.accounts ?? [];
      }
    }
    const wanted = new Map([...named, ...listed].map(({ account, name }) => [account, { account, name }]));
    // What left the organisation, or the configuration, is nobody's here any more.
    if (isWhole)
      for (const account of new Set(known.map((place) => place.account)))
        if (!wanted.has(account)) await this.#forget(account, regionsOf(known, account));
    return [...wanted.values()];
  }

  async #forget(account: string, regions: readonly string[]): Promise<void> {
    const { store } = this.#parts;
    for (const region of regions)
      for (;;) {
        this.#checkHeld();
        const some = await store.listPlace(account, region, PLACE_INSTANCES_MAX);
        await store.removeInstances(some);
        if (some.length < PLACE_INSTANCES_MAX) break;
      }
  }

  async #lookAtAccount(
    { account, name }: CloudAccount,
    knownRegions: readonly string[],
    hosts: MachineHosts,
    before: CoveragePoll | undefined,
  ): Promise<CoveragePoll["accounts"][number]> {
    const earlier = before?.accounts.find((each) => each.account === account);
    const enabled = await this.#regions(account);
    // Machines of regions that are looked at no more are not gone: nothing is known of them.
    const regions = enabled ?? knownRegions;
    if (enabled !== undefined)
      await this.#forget(
        account,
        knownRegions.filter((region) => !enabled.includes(region)),
      );
    let instances = 0;
    let isWhole = enabled !== undefined;
    await eachOf(regions, REGIONS_AT_ONCE, async (region) => {
      const seen = enabled === undefined ? undefined : await this.#instances(account, region);
      if (seen === undefined) {
        isWhole = false;
        this.#stale.push({ account, region, seenMs: seenOf(before, account, region) });
      }
      instances += await this.#settle(account, region, seen, hosts);
    });
    return { account, name, seenMs: isWhole ? this.#nowMs : (earlier?.seenMs ?? 0), instances };
  }

  /** Regions of an account that are to be looked at; undefined where it does not tell which there are. */
  async #regions(account: string): Promise<readonly string[] | undefined> {
    const { cloud, options } = this.#parts;
    try {
      const enabled = await cloud.regions(account, this.#asking);
      if (options.regions.length === 0) return enabled;
      for (const region of options.regions.filter((each) => !enabled.includes(each)))
        this.#problem({
          account,
          region,
          operation: "DescribeRegions",
          code: "REGION_NOT_ENABLED",
          message: `the account has not enabled ${region}, which coverage.aws.regions names`,
        });
      return options.regions.filter((region) => enabled.includes(region));
    } catch (error) {
      this.#note(account, "", error);
      return undefined;
    }
  }

  /** Undefined where the cloud does not tell, or not to the end. */
  async #instances(account: string, region: string): Promise<readonly CloudInstance[] | undefined> {
    const found: CloudInstance[] = [];
    let leftOut = 0;
    try {
      await this.#parts.cloud.instances(account, region, this.#asking, (page) => {
        const room = PLACE_INSTANCES_MAX - found.length;
        found.push(...page.slice(0, room));
        leftOut += Math.max(0, page.length - room);
      });
    } catch (error) {
      this.#note(account, region, error);
      return undefined;
    }
    if (leftOut > 0) {
      this.#leftOut += leftOut;
      const message = `${leftOut} machines beyond ${PLACE_INSTANCES_MAX} are left out`;
      this.#problem({ account, region, operation: "DescribeInstances", code: "TOO_MANY", message });
    }
    return found;
  }

  /** Judges the machines of a place and keeps what is new; gives how many there are. */
  async #settle(
    account: string,
    region: string,
    seen: readonly CloudInstance[] | undefined,
    hosts: MachineHosts,
  ): Promise<number> {
    const { store, options } = this.#parts;
    const known = await store.listPlace(account, region, 2 * PLACE_INSTANCES_MAX);
    const imageNames = await this.#imageNames(account, region, seen ?? [], known, hosts);
    const { changed, gone, changes, counts } = judgePlace(seen, known, hosts, { ...options, imageNames }, this.#nowMs);
    this.#checkHeld();
    // Changes first: where this ends between the two, they are told once more, and never not at all.
    await store.addChanges(changes);
    await store.putInstances(changed);
    await store.removeInstances(gone);
    let instances = 0;
    for (const [state, count] of counts) {
      this.#counts.set(state, (this.#counts.get(state) ?? 0) + count);
      instances += count;
    }
    return instances;
  }

  /** Of machines without a host: whether there is an agent for their system. */
  async #imageNames(
    account: string,
    region: string,
    seen: readonly CloudInstance[],
    known: readonly CoveredInstance[],
    hosts: MachineHosts,
  ): Promise<ReadonlyMap<string, string>> {
    const names = new Map(known.map(({ imageId, imageName }) => [imageId, imageName]));
    const asked = new Set(
      seen
        .filter(({ power, instanceId }) => power === "running" && hosts.of(account, instanceId).standing === undefined)
        .map(({ imageId }) => imageId)
        .filter((imageId) => imageId !== "" && !names.has(imageId)),
    );
    if (asked.size === 0) return names;
    try {
      const found = await this.#parts.cloud.imageNames(account, region, [...asked], this.#asking);
      for (const [imageId, name] of found) names.set(imageId, name);
    } catch (error) {
      this.#note(account, region, error);
    }
    return names;
  }

  /** The world's faults are told; that we are to end is not one. */
  #note(account: string, region: string, error: unknown): void {
    this.#signal.throwIfAborted();
    const { operation = "", code: own = "UNKNOWN" } = error as { operation?: string; code?: string };
    const code = this.#asking.aborted ? "TIMEOUT" : own;
    // An account whose role cannot be assumed says so once.
    const isKnown = this.#problems.some(
      (each) => each.account === account && each.operation === operation && each.code === code && each.region === "",
    );
    if (isKnown) return;
    this.#problem({
      account,
      region,
      operation,
      code,
      message: error instanceof Error ? error.message : String(error),
    });
  }

  #problem(problem: CloudProblem): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(problem);
    this.#parts.logger.warn({ ...problem }, "a part of the cloud could not be looked at");
  }

  #checkHeld(): void {
    if (!this.#parts.isHeld()) throw new Error("another process looks now");
  }
}

function regionsOf(places: readonly Place[], account: string): string[] {
  return places.filter((place) => place.account === account).map(({ region }) => region);
}

function placeOf({ account, region }: CloudProblem): string {
  return `${account}/${region}`;
}

/** When a place was last seen, as far as the look before tells. */
function seenOf(before: CoveragePoll | undefined, account: string, region: string): number {
  if (before === undefined) return 0;
  const stale = before.stale.find((each) => each.account === account && each.region === region);
  return stale?.seenMs ?? before.startMs;
}

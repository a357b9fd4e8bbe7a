/** What is wrong, decided from what the database knows of hosts and nodes. Knows no server and no clock. */
import type { Level } from "@hosttrail/lib/sigma";
import {
  type CoveragePoll,
  type DetectionGap,
  type FindingKind,
  FINDINGS,
  type HostState,
  type LedgerImbalance,
  type Presence,
} from "../model/index.ts";

/** Something that is wrong now. */
export interface Finding {
  kind: FindingKind;
  /** The same as long as it is the same finding. */
  key: string;
  /** Empty where it is of no host. */
  hostId: string;
  hostName: string;
  /** Since when, milliseconds since 1970. */
  sinceMs: number;
  level: Level;
  title: string;
}

/** A node that did not tell for so long is gone. */
const NODE_GONE_MS = 60_000;
/** A look at the cloud of longer ago than this says nothing of now; there is one a day at least. */
const COVERAGE_AGE_MAX_MS = 3 * 86_400_000;
/** What is older when it is seen first is not told: nobody waits for it. */
const NEWS_MS = 7 * 86_400_000;

/** Who is there, as all nodes together tell it. */
export interface Seen {
  /** Since when at least one node takes blocks without a break, as far as is known; undefined where none does. */
  listeningMs: number | undefined;
  connected: ReadonlySet<string>;
  /** When hosts that are not connected were connected last. */
  leftMs: ReadonlyMap<string, number>;
}

export function seenBy(presences: readonly Presence[], nowMs: number): Seen {
  const connected = new Set<string>();
  const leftMs = new Map<string, number>();
  const note = (hostId: string, timeMs: number): void => {
    if ((leftMs.get(hostId) ?? 0) < timeMs) leftMs.set(hostId, timeMs);
  };
  let listeningMs: number | undefined;
  for (const { startMs, timeMs, connected: own, left } of presences) {
    const isThere = timeMs > nowMs - NODE_GONE_MS;
    if (isThere) listeningMs = Math.min(listeningMs ?? startMs, startMs);
    for (const hostId of own) {
      if (isThere) connected.add(hostId);
      // Of a node that is gone it is known when it had the host last.
      else note(hostId, timeMs);
    }
    for (const [hostId, endMs] of left) note(hostId, endMs);
  }
  return { listeningMs, connected, leftMs };
}

/** Since when a host is silent; undefined where it is not, or has left for good. `isOpen` where that was told before. */
export function silentSince(
  host: Pick<HostState, "hostId" | "lastReceivedMs" | "goodbye">,
  { listeningMs, connected, leftMs }: Seen,
  silentMs: number,
  nowMs: number,
  isOpen: boolean,
): number | undefined {
  if (listeningMs === undefined || connected.has(host.hostId)) return undefined;
  const sinceMs = Math.max(host.lastReceivedMs, leftMs.get(host.hostId) ?? 0);
  // Its system went down and said so, and it has not been here since.
  if (host.goodbye === "going-down" && sinceMs <= host.lastReceivedMs + silentMs) return undefined;
  // While nobody listened it could not speak; what was silent before that is until it speaks.
  const quietMs = nowMs - (isOpen ? sinceMs : Math.max(sinceMs, listeningMs));
  return quietMs >= silentMs ? sinceMs : undefined;
}

export function silentKey(hostId: string): string {
  return `host-silent/${hostId}`;
}

/** A host whose end was announced and that said goodbye has gone in order. Without it, nobody knows what it did after its last block. */
const WHY_SILENT = {
  "": "",
  "going-down": "",
  stopped: ", after its agent was stopped",
  announced: ": its end was announced, and it ended without a goodbye; what it did after that is not known",
} as const;

export function silentFinding({ hostId, name, goodbye }: HostState, sinceMs: number): Finding {
  const why = WHY_SILENT[goodbye];
  return finding(
    "host-silent",
    { hostId, name },
    sinceMs,
    `${nameOf(hostId, name)} is silent since ${at(sinceMs)}${why}`,
  );
}

/** Whether something that is seen for the first time is worth telling. */
export function isNews(sinceMs: number, nowMs: number): boolean {
  return nowMs - sinceMs < NEWS_MS;
}

export interface FindingLimits {
  /** What happens within so long is one finding. */
  windowMs: number;
  /** Milliseconds that a clock may be off. */
  clockOffsetMs: number;
}

/** What is wrong with a host but that it is silent. */
export function hostFindings(host: HostState, { windowMs, clockOffsetMs }: FindingLimits): Finding[] {
  const { faults, faultTimes, missingEvents } = host;
  const name = nameOf(host.hostId, host.name);
  const found: Finding[] = [];
  const add = (kind: FindingKind, timeMs: number, title: string): void => {
    if (timeMs === 0) return;
    const sinceMs = Math.floor(timeMs / windowMs) * windowMs;
    found.push({ ...finding(kind, host, sinceMs, title), key: `${kind}/${host.hostId}/${sinceMs}` });
  };
  add(
    "trail-forked",
    faultTimes.forkedMs,
    `Trail of ${name} forked: ${blocks(faults.forkedBlocks)} with numbers of others`,
  );
  add(
    "trail-broken",
    faultTimes.brokenMs,
    `Trail of ${name} broken: ${links(faults.brokenLinks)} to other blocks than are there`,
  );
  add("trail-outside", faultTimes.outsideMs, `${blocks(faults.outsideBlocks)} of ${name} with impossible times`);
  add("blocks-dead", faultTimes.deadMs, `${blocks(faults.deadBlocks)} of ${name} not stored`);
  if (missingEvents > 0) add("trail-missing", faultTimes.missingMs, `${missingEvents} events of ${name} are missing`);
  if (Math.abs(host.clockOffsetMs) > clockOffsetMs) {
    const seconds = Math.round(host.clockOffsetMs / 1000);
    const title = `Clock of ${name} is off by ${seconds > 0 ? "+" : ""}${seconds} s`;
    found.push(finding("clock-off", host, host.clockSinceMs, title));
  }
  return found;
}

export function finding(
  kind: FindingKind,
  { hostId, name }: Pick<HostState, "hostId" | "name">,
  sinceMs: number,
  title: string,
): Finding {
  const { level } = FINDINGS[kind];
  return { kind, key: hostId === "" ? kind : `${kind}/${hostId}`, hostId, hostName: name, sinceMs, level, title };
}

/** One for the first fault of a host: that there is more behind it shows hosttrail ledger. */
export function ledgerFindings(imbalances: readonly LedgerImbalance[]): Finding[] {
  return imbalances.map(({ hostId, name, sinceMs, events, detail }) => {
    const title = `${events} events of ${nameOf(hostId, name)} from ${at(sinceMs)} on are missing: ${detail}`;
    return {
      ...finding("ledger-unbalanced", { hostId, name }, sinceMs, title),
      key: `ledger-unbalanced/${hostId}/${sinceMs}`,
    };
  });
}

/** Each gap is a finding of its own. */
export function gapFindings(gaps: readonly DetectionGap[]): Finding[] {
  return gaps.map(({ fromMs, toMs, lost }) => {
    if (lost !== undefined) {
      const { hostId, epoch, first, next } = lost;
      const title = `No rule was held against ${next - first} events of ${hostId}, which cannot be read: numbers ${first} to ${next - 1n} of epoch ${epoch}`;
      return {
        ...finding("detection-gap", { hostId, name: "" }, fromMs, title),
        key: `detection-gap/${hostId}/${epoch}/${first}`,
      };
    }
    const title = `Events from ${at(fromMs)} to ${at(toMs)} passed detection by`;
    return { ...finding("detection-gap", { hostId: "", name: "" }, fromMs, title), key: `detection-gap/${fromMs}` };
  });
}

/** One for all machines, and one for all that could not be looked at: there may be thousands, and coverage lists them. */
export function coverageFindings(poll: CoveragePoll | undefined, nowMs: number): Finding[] {
  // Nobody looks any more: what was found is no news.
  if (poll === undefined || nowMs - poll.startMs > COVERAGE_AGE_MAX_MS) return [];
  const { counts, problems, startMs } = poll;
  const of = { hostId: "", name: "" };
  const found: Finding[] = [];
  const missing = counts["never-enrolled"] ?? 0;
  if (missing > 0) {
    const title =
      missing === 1 ? "A machine of the cloud has no agent" : `${missing} machines of the cloud have no agent`;
    found.push(finding("machines-uncovered", of, startMs, title));
  }
  const [first] = problems;
  if (first !== undefined) {
    const { account, region, operation, code } = first;
    const place = [account === "" ? "the organisation" : `account ${account}`, region].filter((text) => text !== "");
    const more = problems.length - 1;
    const others = more === 0 ? "" : more === 1 ? ", and one more place" : `, and ${more} more places`;
    const title = `${place.join(", ")} cannot be looked at: ${operation}: ${code}${others}`;
    found.push(finding("cloud-unread", of, startMs, `${title[0]?.toUpperCase() ?? ""}${title.slice(1)}`));
  }
  return found;
}

/** Of a key. */
export function kindOf(key: string): FindingKind {
  return key.split("/", 1)[0] as FindingKind;
}

function nameOf(hostId: string, name: string): string {
  return name === "" ? hostId : name;
}

function at(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function blocks(count: number): string {
  return `${count} ${count === 1 ? "block" : "blocks"}`;
}

function links(count: number): string {
  return `${count} ${count === 1 ? "link" : "links"}`;
}

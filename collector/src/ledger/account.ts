/**
 * The equation: what an agent told of its numbers, held against what is in the database. docs/ledger.md says which terms must balance. Pure.
 *
 * No clock is asked when a number can be judged. A number is open as long as the agent's last word says that it is in the spool; it leaves
 * the spool only when it is stored, given up or put aside, and a ledger that says so is itself stored later. So whoever reads the ledger
 * first, and then what is stored, finds every number that is not open.
 */
import { epochMs } from "@hosttrail/lib/block";
import type { EpochTrail } from "../model/index.ts";
import { type DeadNumbers, type Fate, type Fated, Fates } from "./fate.ts";
import { endOf, type Ranges, sizeOf, split } from "../ranges/index.ts";
import { type EpochRange, type Numbers, numbersOf } from "./numbers.ts";
import { type Flow, FLOWS, type LedgerReport, type Level, LEVELS } from "./report.ts";

export interface HostPast {
  /** Of the time that is asked about. */
  reports: readonly LedgerReport[];
  /** Later ones: for what they say of numbers that were handed out earlier. */
  later: readonly LedgerReport[];
  stored: Numbers;
  /** Of them those in segments. */
  compacted: Numbers;
  dead: readonly DeadNumbers[];
  /** Removed by retention. */
  dropped: Numbers;
  trail: readonly EpochTrail[];
  startMs: number;
  /** True where no later report than the last one of `reports` exists: then what is stored beyond it belongs here. */
  isToNow: boolean;
  /** False where not all reports could be read: another one may tell what became of a number. */
  isComplete: boolean;
  /** True where `stored` is all that there is of the host, on whatever day. */
  isWhole: boolean;
  endMs: number;
}

/** What became of the numbers that were handed out in a time. */
const TRAIL_COUNTS = [
  "handedOut",
  "stored",
  "compacted",
  "received",
  "dropped",
  "dead",
  "quarantined",
  "evicted",
  "open",
  "missing",
] as const;
type TrailCount = (typeof TRAIL_COUNTS)[number];

const REASON_KINDS = [
  "kernel-lost",
  "serial-gaps",
  "overruns",
  "unreadable",
  "unread-files",
  "filtered",
  "failed",
  "evicted",
  "quarantined",
  "discarded",
  "dead",
  "dead-dropped",
  "gone",
  "never-came",
  "unbalanced-agent",
] as const;
export type ReasonKind = (typeof REASON_KINDS)[number];

export interface Reason {
  kind: ReasonKind;
  count: bigint;
  detail: string;
  events: readonly EpochRange[];
}

export type LedgerState = "balanced" | "open" | "loss" | "unbalanced";

/** What one report tells, or several together. Milliseconds since 1970. */
export interface Stretch {
  fromMs: number;
  toMs: number;
  agent: Record<Flow | Level, bigint>;
  trail: Record<TrailCount, bigint>;
  reasons: Reason[];
}

export interface Account {
  /** One for each report, in the order in which they were told. */
  stretches: Stretch[];
  /** Numbers that reports speak of. */
  told: Numbers;
}

const NONE: Ranges = [];
/** Ranges of one reason that are named. */
const RANGES_NAMED_MAX = 16;
/** An agent's epoch is of the moment of its start, and its first report of a while later. */
const EPOCH_GRACE_MS = 60_000;

const LOSSES: readonly (readonly [Flow, ReasonKind])[] = [
  ["kernelLost", "kernel-lost"],
  ["serialGaps", "serial-gaps"],
  ["overruns", "overruns"],
  ["unreadable", "unreadable"],
  ["unreadFiles", "unread-files"],
  ["shed", "filtered"],
  ["failed", "failed"],
];

const UNEXPLAINED: ReadonlySet<ReasonKind> = new Set(["gone", "never-came", "unbalanced-agent"]);

export function stateOf({ reasons, trail }: Pick<Stretch, "reasons" | "trail">): LedgerState {
  if (reasons.some(({ kind }) => UNEXPLAINED.has(kind))) return "unbalanced";
  if (reasons.length > 0) return "loss";
  return trail.open > 0n ? "open" : "balanced";
}

/** A report with the numbers that it is the first one to speak of. */
interface Told {
  report: LedgerReport | undefined;
  before: LedgerReport | undefined;
  fromMs: number;
  toMs: number;
  handed: readonly EpochRange[];
}

export function accountOf(past: HostPast): Account {
  const told = toldBy(past);
  const all = [...past.reports, ...past.later];
  const last = all.reduce<LedgerReport | undefined>(
    (best, each) => (best === undefined || isAfter(each, best) ? each : best),
    undefined,
  );
  const evicted = numbersOf(all.flatMap((each) => each.evicted));
  const named = Array.from(evicted.values(), sizeOf).reduce((sum, size) => sum + size, 0n);
  const flow = (name: Flow): bigint => all.reduce((sum, { counts }) => sum + counts[name], 0n);
  const unnamed = flow("evicted") - named;
  const fates = new Fates({
    dropped: past.dropped,
    kept: numbersOf(last?.kept ?? []),
    evicted,
    quarantined: numbersOf(last?.quarantined ?? []),
    dead: past.dead,
    trail: past.trail,
    unnamed: { evicted: unnamed > 0n ? unnamed : 0n, discarded: flow("discarded") },
  });
  return {
    stretches: told.map((each) => stretchOf(each, past, fates)),
    told: numbersOf(told.flatMap(({ handed }) => handed)),
  };
}

function isAfter(a: LedgerReport, b: LedgerReport): boolean {
  if (a.epoch === b.epoch) return a.seq > b.seq;
  return a.toMs > b.toMs;
}

/** In the order in which they were told: by number within an epoch, whatever the clock did meanwhile. */
function inOrder(reports: readonly LedgerReport[]): LedgerReport[][] {
  const epochs = Array.from(Map.groupBy(reports, ({ epoch }) => epoch).values(), (list) =>
    list.toSorted((a, b) => (a.seq === b.seq ? 0 : a.seq < b.seq ? -1 : 1)),
  );
  return epochs.sort((a, b) => (a[0]?.toMs ?? 0) - (b[0]?.toMs ?? 0));
}

function toldBy(past: HostPast): Told[] {
  const { reports, stored, trail, startMs, isToNow } = past;
  const told: Told[] = [];
  /** What an epoch has beyond its last report. */
  let tail: EpochRange[] = [];
  for (const list of inOrder(reports)) {
    let before: LedgerReport | undefined;
    for (const report of list) {
      const own = handedOut(report, before, startMs);
      told.push({
        report,
        before,
        fromMs: report.fromMs,
        toMs: report.toMs,
        handed: own === undefined ? tail : [...tail, own],
      });
      tail = [];
      before = report;
    }
    const position = positionOf(before);
    if (position !== undefined) {
      const { epoch, next } = position;
      const known = endOf(trail.find((each) => each.epoch === epoch)?.ranges ?? []);
      const there = endOf(stored.get(epoch) ?? []);
      const end = known > there ? known : there;
      if (end > next) tail = [{ epoch, first: next, next: end }];
    }
  }
  const lastMs = told.at(-1)?.toMs ?? 0;
  if (isToNow && tail.length > 0) told.push({ ...UNTOLD, fromMs: lastMs, toMs: lastMs, handed: tail });
  return [...vanished(past, told), ...told];
}

const UNTOLD = { report: undefined, before: undefined } as const;

/**
 * What is known to have been stored before the first report, and is not there: whoever removes a whole day removes the ledgers of that day,
 * too. Where not all days were read, only epochs of which nothing is left that speaks of them.
 */
function vanished({ trail, stored, dropped, startMs, endMs, isWhole }: HostPast, told: readonly Told[]): Told[] {
  const found: Told[] = [];
  for (const { epoch, ranges, usedMs } of trail) {
    const first = told.find(({ handed }) => handed.some((range) => range.epoch === epoch));
    const isOfThisTime = first === undefined && usedMs >= startMs && usedMs < endMs;
    if (!isWhole && !isOfThisTime) continue;
    const next = first?.handed.find((range) => range.epoch === epoch)?.first ?? endOf(ranges);
    const before = split(ranges, [{ first: 0n, next }]).within;
    const { without } = split(split(before, stored.get(epoch) ?? NONE).without, dropped.get(epoch) ?? NONE);
    if (without.length === 0) continue;
    const toMs = first?.fromMs ?? usedMs;
    const fromMs = Math.min(epochMs(epoch), toMs);
    found.push({ ...UNTOLD, fromMs, toMs, handed: without.map((range) => ({ epoch, ...range })) });
  }
  return found;
}

/** What a report in a fork says of numbers is about those of the other one, too. */
function positionOf(report: LedgerReport | undefined): LedgerReport["position"] {
  return report?.position?.epoch === report?.epoch ? report?.position : undefined;
}

function handedOut(report: LedgerReport, before: LedgerReport | undefined, startMs: number): EpochRange | undefined {
  const position = positionOf(report);
  if (position === undefined) return undefined;
  const { epoch, next } = position;
  const known = positionOf(before);
  const beganMs = epochMs(epoch);
  // One that began after its own report is of a clock that was set back since, and may be old.
  const isNew = beganMs >= startMs - EPOCH_GRACE_MS && beganMs <= report.toMs + EPOCH_GRACE_MS;
  const counted = next > report.counts.spooled ? next - report.counts.spooled : 0n;
  const first = known !== undefined ? known.next : isNew ? 0n : counted;
  return { epoch, first: first < next ? first : next, next };
}

function stretchOf({ report, before, fromMs, toMs, handed }: Told, past: HostPast, fates: Fates): Stretch {
  const agent = emptyAgent();
  if (report !== undefined) for (const name of [...FLOWS, ...LEVELS]) agent[name] = report.counts[name];
  const trail = emptyTrail();
  const fated: Fated[] = [];
  for (const [epoch, ranges] of numbersOf(handed)) {
    const { within, without } = split(ranges, past.stored.get(epoch) ?? []);
    trail.handedOut += sizeOf(ranges);
    trail.stored += sizeOf(within);
    trail.compacted += sizeOf(split(within, past.compacted.get(epoch) ?? []).within);
    fated.push(...fates.of(epoch, without, report !== undefined && past.isComplete));
  }
  const reasons = report === undefined ? [] : [...lossesOf(report), ...imbalancesOf(report, before)];
  for (const { fate, epoch, ranges, detail } of fated) {
    const count = sizeOf(ranges);
    trail[TRAIL_OF_FATE[fate]] += count;
    if (fate === "dropped" || fate === "open") continue;
    reasons.push({ kind: fate, count, detail, events: ranges.map((range) => ({ epoch, ...range })) });
  }
  trail.received = trail.stored + trail.dropped + trail.dead;
  return { fromMs, toMs, agent, trail, reasons: together(reasons) };
}

const TRAIL_OF_FATE: Readonly<Record<Fate, TrailCount>> = {
  dropped: "dropped",
  open: "open",
  evicted: "evicted",
  dead: "dead",
  "dead-dropped": "dead",
  quarantined: "quarantined",
  discarded: "quarantined",
  gone: "missing",
  "never-came": "missing",
};

function lossesOf({ counts }: LedgerReport): Reason[] {
  return LOSSES.filter(([flow]) => counts[flow] > 0n).map(([flow, kind]) => ({
    kind,
    count: counts[flow],
    detail: "as the agent counted",
    events: [],
  }));
}

/** Equations of the agent: as it found itself, and as they are from one report of a run to the next one. */
function imbalancesOf(report: LedgerReport, before: LedgerReport | undefined): Reason[] {
  const { counts, unbalanced, fromMs } = report;
  const reasons: Reason[] = [];
  const add = (detail: string, difference: bigint): void => {
    const count = difference < 0n ? -difference : difference;
    if (count > 0n) reasons.push({ kind: "unbalanced-agent", count, detail, events: [] });
  };
  add("equations that did not hold, as the agent found itself", unbalanced);
  if (before === undefined || before.toMs !== fromMs) return reasons;
  const grown = (level: Level): bigint => counts[level] - before.counts[level];
  const { events, own, repeated, shed, failed, accepted, spooled, returned, stored, evicted, quarantined } = counts;
  add(
    "events + own = repeated + filtered + failed + held + accepted",
    events + own - repeated - shed - failed - grown("held") - accepted,
  );
  add("accepted = pending + spooled", accepted - grown("pending") - spooled);
  add(
    "spooled + returned = acknowledged + evicted + quarantined + in the spool",
    spooled + returned - stored - evicted - quarantined - grown("inSpool"),
  );
  const [from, to] = [positionOf(before), positionOf(report)];
  if (from !== undefined && to !== undefined) add("numbers handed out = spooled", to.next - from.next - spooled);
  return reasons;
}

/** One for each kind and detail. */
function together(reasons: readonly Reason[]): Reason[] {
  const sums = new Map<string, Reason>();
  for (const reason of reasons) {
    const key = `${reason.kind} ${reason.detail}`;
    const before = sums.get(key);
    const count = reason.count + (before?.count ?? 0n);
    const events = [...(before?.events ?? []), ...reason.events].slice(0, RANGES_NAMED_MAX);
    sums.set(key, { ...reason, count, events });
  }
  return [...sums.values()].sort((a, b) => REASON_KINDS.indexOf(a.kind) - REASON_KINDS.indexOf(b.kind));
}

function emptyAgent(): Stretch["agent"] {
  return Object.fromEntries([...FLOWS, ...LEVELS].map((name) => [name, 0n])) as Stretch["agent"];
}

function emptyTrail(): Stretch["trail"] {
  return Object.fromEntries(TRAIL_COUNTS.map((name) => [name, 0n])) as Stretch["trail"];
}

/** Several as one: counts are added, levels are those of the last one. */
export function sumOf(stretches: readonly Stretch[]): Stretch {
  const agent = emptyAgent();
  const trail = emptyTrail();
  for (const each of stretches) {
    for (const name of FLOWS) agent[name] += each.agent[name];
    for (const name of TRAIL_COUNTS) trail[name] += each.trail[name];
  }
  const last = stretches.at(-1);
  if (last !== undefined) for (const name of LEVELS) agent[name] = last.agent[name];
  return {
    fromMs: Math.min(...stretches.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...stretches.map(({ toMs }) => toMs)),
    agent,
    trail,
    reasons: together(stretches.flatMap(({ reasons }) => reasons)),
  };
}

/** By the stretch of time in which they were told, each of this length; those without any are left out. */
export function byInterval(stretches: readonly Stretch[], intervalMs: number): Stretch[] {
  const groups = Map.groupBy(stretches, ({ toMs }) => Math.floor(toMs / intervalMs));
  return Array.from(groups, ([at, list]) => ({
    ...sumOf(list),
    fromMs: at * intervalMs,
    toMs: (at + 1) * intervalMs,
  })).sort((a, b) => a.fromMs - b.fromMs);
}

/** The first one with a reason. */
export function firstFault(stretches: readonly Stretch[]): Stretch | undefined {
  return stretches.find(({ reasons }) => reasons.length > 0);
}

/** All that was told until then is judged; undefined where nothing was told. */
export function judgedUntilMs(stretches: readonly Stretch[]): number | undefined {
  const open = stretches.find(({ trail }) => trail.open > 0n);
  return open === undefined ? stretches.at(-1)?.toMs : open.fromMs;
}

/** Numbers that are stored and of which no report speaks. */
export function unreported(stored: Numbers, told: Numbers): bigint {
  let sum = 0n;
  for (const [epoch, ranges] of stored) sum += sizeOf(split(ranges, told.get(epoch) ?? NONE).without);
  return sum;
}

/** True where some numbers are neither stored nor open: a look farther finds what became of them. */
export function isAsking(stretches: readonly Stretch[]): boolean {
  return stretches.some(({ trail }) => trail.handedOut > trail.stored + trail.open);
}

/**
 * Reads what an account is made of. The order matters: reports first, then what hosts are known to have stored and what is dead, then what
 * is there, and last what was removed. So a block that is stored, moved or removed meanwhile is found at one of its places.
 */
import { setImmediate } from "node:timers/promises";
import { BlockError } from "@hosttrail/lib/block";
import { compileFilter } from "@hosttrail/lib/predicate";
import type { TimeRange } from "../ask/index.ts";
import type { Unit } from "../history/index.ts";
import { OUTSIDE, type Place } from "../model/index.ts";
import { type Budget, scan, type ScanReport } from "../scan/index.ts";
import { type Account, accountOf, isAsking, unreported } from "./account.ts";
import { type EpochRange, numbersOf } from "./numbers.ts";
import { type LedgerReport, reportOf } from "./report.ts";
import type { LedgerHost, LedgerPast } from "./source.ts";

export interface LedgerQuery extends TimeRange {
  hostIds: ReadonlySet<string>;
  /** The time at which it is asked. */
  nowNano: bigint;
  /** Whether all days are looked at, also where nothing is missing. */
  isWhole: boolean;
  budget: Budget;
  signal: AbortSignal;
}

export interface HostAccount extends Account {
  hostId: string;
  name: string;
  /** Reports of the time that was asked for. */
  reports: number;
  /** Events in the database of which none of them speaks. */
  unreported: bigint;
}

/** Nearly every segment has a ledger: no sieve is asked. */
const FILTER = { ...compileFilter("event.action = reported-ledger"), mayMatch: () => true };
const NANOS_OF_MS = 1_000_000n;
const DAY_NANO = 86_400_000_000_000n;
const TIME_MIN = -(1n << 63n);
const TIME_MAX = (1n << 63n) - 1n;
/** What is read from memory would leave no turn to anybody else. */
const BREATH_MS = 20;
const NOTHING: readonly never[] = [];
/** Most hosts have all that they handed out in the database: nobody is asked what became of the rest. */
const nobody = async (): Promise<ReadonlyMap<string, never>> => new Map<string, never>();

/** Accounts of those of these hosts of which there is anything, in the order of their ids. */
export async function readAccounts(past: LedgerPast, query: LedgerQuery, report: ScanReport): Promise<HostAccount[]> {
  const reports = await readReports(past, query, query, report);
  const near = (place: Place): boolean => isNear(past.scans.dayRange(place), query);
  const first = { reports, later: new Map(), isComplete: report.lacks.size === 0 };
  const accounts = await account({ ...past, dead: nobody, dropped: nobody }, { ...query, isWhole: false }, first, near);
  const unclear = query.isWhole ? accounts : accounts.filter(({ stretches }) => isAsking(stretches));
  if (unclear.length === 0) return accounts;
  // Numbers may lie on any day, since that goes by what events say; and what became of them may have been told later.
  const hostIds = new Set(unclear.map(({ hostId }) => hostId));
  const rest = { startNano: query.endNano, endNano: query.nowNano + DAY_NANO };
  const later =
    query.endNano < query.nowNano
      ? await readReports(past, { ...query, hostIds }, rest, report)
      : new Map<string, LedgerReport[]>();
  const told = { reports, later, isComplete: report.lacks.size === 0 };
  const again = await account(past, { ...query, hostIds, isWhole: true }, told, () => true);
  const clear = new Map(again.map((each) => [each.hostId, each]));
  return accounts.map((each) => clear.get(each.hostId) ?? each);
}

function isNear(day: TimeRange, { startNano, endNano }: TimeRange): boolean {
  return day.startNano < endNano + DAY_NANO && day.endNano > startNano - DAY_NANO;
}

async function readReports(
  { scans }: LedgerPast,
  { hostIds, budget, signal }: LedgerQuery,
  { startNano, endNano }: TimeRange,
  report: ScanReport,
): Promise<Map<string, LedgerReport[]>> {
  const found = new Map<string, LedgerReport[]>();
  const request = { filter: FILTER, hosts: hostIds, startNano, endNano, order: "any", budget, signal } as const;
  let breathedMs = performance.now();
  for await (const { unit, events, matches } of scan(scans, request, report)) {
    try {
      const list = found.get(unit.hostId) ?? [];
      for (const index of matches) {
        const { event, audit } = events.event(index);
        const record = audit?.records[0];
        const place = { epoch: unit.epoch, seq: event?.sequence ?? 0n };
        const told = record && reportOf(record, place);
        if (told !== undefined) list.push(told);
      }
      found.set(unit.hostId, list);
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      report.noteUnreadable({ unit, reason: error.message });
    }
    if (performance.now() - breathedMs < BREATH_MS) continue;
    await setImmediate();
    breathedMs = performance.now();
  }
  return found;
}

/** What was read of reports. Where that is not all of them, what became of a number may have been told by another one. */
interface Told {
  reports: ReadonlyMap<string, readonly LedgerReport[]>;
  later: ReadonlyMap<string, readonly LedgerReport[]>;
  isComplete: boolean;
}

async function account(
  past: LedgerPast,
  query: LedgerQuery,
  { reports, later, isComplete }: Told,
  isWanted: (place: Place) => boolean,
): Promise<HostAccount[]> {
  const hosts = await past.hosts([...query.hostIds]);
  const dead = await past.dead(query.hostIds);
  const units = Map.groupBy(await readUnits(past, query.hostIds, isWanted), ({ hostId }) => hostId);
  const dropped = await past.dropped(query.hostIds);
  const accounts = hosts.map((host) => {
    const { hostId } = host;
    const parts = {
      reports: reports.get(hostId) ?? NOTHING,
      later: later.get(hostId) ?? NOTHING,
      dead: dead.get(hostId) ?? NOTHING,
      dropped: dropped.get(hostId) ?? NOTHING,
    };
    return accountOfHost(host, units.get(hostId) ?? NOTHING, { ...parts, isComplete }, query);
  });
  return accounts.sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
}

function accountOfHost(
  { hostId, name, trail }: LedgerHost,
  units: readonly Unit[],
  parts: {
    reports: readonly LedgerReport[];
    later: readonly LedgerReport[];
    dead: Parameters<typeof accountOf>[0]["dead"];
    dropped: readonly EpochRange[];
    isComplete: boolean;
  },
  { startNano, endNano, nowNano, isWhole }: LedgerQuery,
): HostAccount {
  const stored = numbersOf(rangesOf(units));
  const result = accountOf({
    ...parts,
    dropped: numbersOf(parts.dropped),
    stored,
    compacted: numbersOf(rangesOf(units.filter(({ from }) => "entry" in from))),
    trail,
    startMs: Number(startNano / NANOS_OF_MS),
    endMs: Number(endNano / NANOS_OF_MS),
    isWhole,
    isToNow: endNano >= nowNano && parts.isComplete,
  });
  const inTime = units.filter(
    ({ firstTimeNano, lastTimeNano }) => firstTimeNano < endNano && lastTimeNano >= startNano,
  );
  return {
    hostId,
    name,
    ...result,
    reports: parts.reports.length,
    unreported: unreported(numbersOf(rangesOf(inTime)), result.told),
  };
}

function rangesOf(units: readonly Unit[]): EpochRange[] {
  return units.flatMap(({ epoch, ranges }) => ranges.map(({ first, next }) => ({ epoch, first, next })));
}

/** All that there is of these hosts, whatever its time, on the days that are wanted and outside of all days. */
async function readUnits(
  { scans }: LedgerPast,
  hosts: ReadonlySet<string>,
  isWanted: (place: Place) => boolean,
): Promise<Unit[]> {
  const units: Unit[] = [];
  // What arrived is read from its end; where there is more than is read at once, what is earlier is read next.
  for (let endNano = TIME_MAX; ; ) {
    const reading = await scans.begin({ hosts, startNano: TIME_MIN, endNano });
    for (const place of [OUTSIDE, ...reading.days.filter(isWanted)]) units.push(...(await reading.all(place)));
    const { floorNano } = reading;
    if (floorNano === undefined || floorNano >= endNano - 1n) return units;
    endNano = floorNano + 1n;
  }
}

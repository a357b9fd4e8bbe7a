/** Answers GetHostAt and DiffHost: a host as its events say that it was. */
import { readKept } from "@hosttrail/lib/audit";
import { compileFilter } from "@hosttrail/lib/predicate";
import type { DiffHostRequest, GetHostAtRequest, HostAt, HostDiff } from "@hosttrail/proto/analysis";
import type { Event } from "@hosttrail/proto/event";
import { nanosOf, type TimeRange } from "../ask/index.ts";
import { completenessOf } from "../scan/index.ts";
import { type Answers, invalidField, type Visit } from "../serve/index.ts";
import { checkRange, hostOf, momentOf, nowNano, rangeAround } from "./asked.ts";
import { ChangeGatherer, changedFacts, HabitGatherer, type MomentFacts } from "./diff/index.ts";
import type { Reading } from "./reading.ts";
import type { AnswerSource } from "./source.ts";
import { SECOND_NANO, timestampOf } from "./times.ts";

const HOUR_NANO: bigint = 3600n * SECOND_NANO;
const DAY_NANO: bigint = 24n * HOUR_NANO;
/** What a host sends takes a while: of the last minutes nothing needs to be there yet. */
const UNDERWAY_NANO: bigint = 300n * SECOND_NANO;
/** How far back the start of the agent is looked for. */
const AGENT_START_NANO: bigint = 90n * DAY_NANO;
const TIME_MIN = -(1n << 63n);
const TIME_MAX = (1n << 63n) - 1n;
const CHANGES_MAX = 1000;

type Moment = { hostId: string; momentNano: bigint };

export async function hostAtAnswer(
  source: AnswerSource,
  request: GetHostAtRequest,
  visit: Visit,
  reading: Reading,
): Promise<Answers<HostAt>> {
  const momentNano = momentOf("time", request.time);
  const hostId = await hostOf(request.hostId, visit, source);
  return { response: await hostAt(source, { hostId, momentNano }, reading), results: 1 };
}

async function hostAt(source: AnswerSource, { hostId, momentNano }: Moment, reading: Reading): Promise<HostAt> {
  const about = { filter: compileFilter(""), hosts: new Set([hostId]) };
  const before = await reading.nearest("last", { ...about, startNano: TIME_MIN, endNano: momentNano + 1n });
  const after = await reading.nearest("first", { ...about, startNano: momentNano + 1n, endNano: TIME_MAX });
  const best = before ?? after;
  const isAfterDue = momentNano < nowNano() - UNDERWAY_NANO;
  return {
    hostId,
    host: best?.event.host,
    asOfTime: best && timestampOf(best.timeNano),
    cloud: best?.event.cloud,
    labels: { ...(await source.labelsOf(hostId)) },
    wasReporting:
      before !== undefined &&
      before.timeNano >= momentNano - HOUR_NANO &&
      (!isAfterDue || (after !== undefined && after.timeNano <= momentNano + HOUR_NANO)),
    completeness: completenessOf(reading.report),
  };
}

export async function hostDiff(
  source: AnswerSource,
  request: DiffHostRequest,
  visit: Visit,
  reading: Reading,
): Promise<Answers<HostDiff>> {
  const { startNano, endNano } = checkTimes(request);
  const hostId = await hostOf(request.hostId, visit, source);
  const from = await hostAt(source, { hostId, momentNano: startNano }, reading.apart());
  const to = await hostAt(source, { hostId, momentNano: endNano }, reading.apart());
  const facts = changedFacts(
    await factsOf(from, { hostId, momentNano: startNano }, reading),
    await factsOf(to, { hostId, momentNano: endNano }, reading),
  );
  const gathered = new ChangeGatherer();
  const about = { filter: compileFilter(""), hosts: new Set([hostId]), order: "any" } as const;
  await reading.each({ ...about, startNano, endNano }, ({ events, matches }) => {
    gathered.add(events, matches);
    return undefined;
  });
  const [before, after] = [
    await habitsOf(reading, hostId, rangeAround(startNano, DAY_NANO, 0n)),
    await habitsOf(reading, hostId, rangeAround(endNano, DAY_NANO, 0n)),
  ];
  const { changes, leftOut } = gathered.answer(CHANGES_MAX);
  const habits = [...after.without(before, "appeared"), ...before.without(after, "gone")];
  if (before.isCut || after.isCut) reading.report.lacks.add("limit");
  const shown = [...changes, ...habits.slice(0, CHANGES_MAX)];
  const changesLeftOut = BigInt(leftOut + Math.max(0, habits.length - CHANGES_MAX));
  if (changesLeftOut > 0n) reading.report.lacks.add("limit");
  const completeness = completenessOf(reading.report);
  return { response: { hostId, from, to, facts, changes: shown, changesLeftOut, completeness }, results: shown.length };
}

function checkTimes({ fromTime, toTime }: DiffHostRequest): TimeRange {
  if (fromTime === undefined) throw invalidField("from_time", "", "times; it must be given");
  const startNano = nanosOf(fromTime, "from_time");
  const endNano = toTime === undefined ? nowNano() : nanosOf(toTime, "to_time");
  return checkRange(["from_time", "to_time"], { startNano, endNano });
}

async function factsOf(
  { host, cloud }: HostAt,
  { hostId, momentNano }: Moment,
  reading: Reading,
): Promise<MomentFacts> {
  const started = await reading.nearest("last", {
    filter: compileFilter("event.action = started-agent"),
    hosts: new Set([hostId]),
    ...rangeAround(momentNano, AGENT_START_NANO, 1n),
  });
  return { host, cloud, agentVersion: versionOf(started?.event) };
}

function versionOf(event: Event | undefined): string {
  for (const record of event?.audit?.records ?? []) {
    const version = readKept(record).find(([key]) => key === "version")?.[1];
    if (version !== undefined) return version;
  }
  return "";
}

/** What the host did within a range. */
async function habitsOf(reading: Reading, hostId: string, range: TimeRange): Promise<HabitGatherer> {
  const habits = new HabitGatherer();
  const filter = compileFilter("event.action = executed OR event.action = connected-to OR event.action = bound-socket");
  await reading.each({ filter, hosts: new Set([hostId]), ...range, order: "any" }, ({ events, matches }) => {
    habits.add(events, matches);
    return undefined;
  });
  return habits;
}

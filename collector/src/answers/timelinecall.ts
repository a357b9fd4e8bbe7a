/** Answers GetTimeline. */
import { compileFilter } from "@hosttrail/lib/predicate";
import { type GetTimelineRequest, type Timeline, TimelineKind } from "@hosttrail/proto/analysis";
import { nanosOf } from "../ask/index.ts";
import { completenessOf } from "../scan/index.ts";
import { type Answers, invalidField, type Visit } from "../serve/index.ts";
import { alertsOf } from "./alerting.ts";
import { checkRange, countOf, hostOf, nowNano } from "./asked.ts";
import type { Reading } from "./reading.ts";
import type { AnswerSource } from "./source.ts";
import { TimelineBuilder } from "./timeline/index.ts";
import { leastOf, SECOND_NANO } from "./times.ts";

const LIMIT = { none: 1000, most: 10_000 };
const HOUR_NANO: bigint = 3600n * SECOND_NANO;

export async function timelineAnswer(
  source: AnswerSource,
  request: GetTimelineRequest,
  visit: Visit,
  reading: Reading,
): Promise<Answers<Timeline>> {
  const limit = countOf("limit", request.limit, LIMIT);
  const kinds = kindsOf(request.kinds);
  const filter = compileFilter(request.filter);
  const endNano = request.endTime === undefined ? nowNano() : nanosOf(request.endTime, "end_time");
  const startNano = request.startTime === undefined ? endNano - HOUR_NANO : nanosOf(request.startTime, "start_time");
  const range = checkRange(["start_time", "end_time"], { startNano, endNano });
  const hostId = await hostOf(request.hostId, visit, source);
  const builder = new TimelineBuilder({ kinds, limit });
  const scanned = { filter, hosts: new Set([hostId]), ...range, order: "ascending" } as const;
  await reading.each(scanned, ({ unit, events, matches }) => builder.add(events, matches, unit.firstTimeNano));
  const { report } = reading;
  // What the scan did not come to would stand among these: they are told by the next question.
  const lookedNano = report.untilNano === undefined ? endNano : leastOf(report.untilNano, endNano);
  // Alerts are no events, so a filter of events asks for none of them.
  const wantsAlerts = request.filter.trim() === "" && kinds?.has(TimelineKind.ALERT) !== false;
  const found = wantsAlerts
    ? await alertsOf(source.alerts, { hostId, ...range }, visit.hosts)
    : { alerts: [], isAll: true };
  const isWithin = ({ firstEventTime }: (typeof found.alerts)[number]): boolean =>
    firstEventTime !== undefined && nanosOf(firstEventTime, "first_event_time") >= startNano;
  const { entries, untilNano } = builder.answer(lookedNano, found.alerts.filter(isWithin));
  if (untilNano !== undefined) report.noteEnd("limit", untilNano);
  if (!found.isAll) report.lacks.add("limit");
  return { response: { hostId, entries, completeness: completenessOf(report) }, results: entries.length };
}

const KINDS: readonly TimelineKind[] = [
  TimelineKind.LOGIN,
  TimelineKind.PROCESS,
  TimelineKind.FILE,
  TimelineKind.CONNECTION,
  TimelineKind.ACCOUNT,
  TimelineKind.AUDIT,
  TimelineKind.ALERT,
  TimelineKind.OTHER,
];

function kindsOf(asked: readonly TimelineKind[]): ReadonlySet<TimelineKind> | undefined {
  for (const kind of asked) if (!KINDS.includes(kind)) throw invalidField("kinds", kind, "1 to 8");
  return asked.length === 0 ? undefined : new Set(asked);
}

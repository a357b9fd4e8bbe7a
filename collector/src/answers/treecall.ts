/** Answers GetProcessTree: finds the process that is asked for, then gathers its tree. */
import { isHostId, parseEventId } from "@hosttrail/lib/block";
import { compileFilter } from "@hosttrail/lib/predicate";
import type { GetProcessTreeRequest, ProcessTree } from "@hosttrail/proto/analysis";
import type { Event, Process } from "@hosttrail/proto/event";
import { nanosOf, type TimeRange } from "../ask/index.ts";
import { completenessOf } from "../scan/index.ts";
import { type Answers, invalidField, type Visit } from "../serve/index.ts";
import { isVisible } from "../work/index.ts";
import { alertsOf, byEvent } from "./alerting.ts";
import { countOf, hostOf, momentOf, noSuch, rangeAround, stretchOf } from "./asked.ts";
import { type Reading, whileMoved } from "./reading.ts";
import type { AnswerSource } from "./source.ts";
import { ProcessTreeBuilder } from "./tree/index.ts";

const LIMIT = { none: 500, most: 5000 };
const BEFORE_SECONDS = 86_400;
const AFTER_SECONDS = 3600;
const ENTITY_ID = /^[0-9a-f]{16}$/;
const ALERT_ID = /^[0-9a-f]{12}-[0-9a-f]{32}$/;
const PID_MAX = 0xffff_ffff;

/** The process, and the moment of the event that it was found by. */
interface Located {
  hostId: string;
  process: Process;
  momentNano: bigint;
}

type Asked = NonNullable<GetProcessTreeRequest["process"]>;

export async function processTree(
  source: AnswerSource,
  request: GetProcessTreeRequest,
  visit: Visit,
  reading: Reading,
): Promise<Answers<ProcessTree>> {
  const limit = countOf("limit", request.limit, LIMIT);
  const before = stretchOf("before_seconds", request.beforeSeconds, BEFORE_SECONDS);
  const after = stretchOf("after_seconds", request.afterSeconds, AFTER_SECONDS);
  const asked = checkProcess(request.process);
  const given = request.time === undefined ? undefined : nanosOf(request.time, "time");
  const rangeAt = (momentNano: bigint): TimeRange => rangeAround(momentNano, before, after + 1n);
  const located = await locate(source, { request, asked, rangeAt }, visit, reading);
  const { hostId, process } = located;
  const momentNano = given ?? located.momentNano;
  const range = rangeAt(momentNano);
  const { alerts, isAll } = await alertsOf(source.alerts, { hostId, ...range }, visit.hosts);
  if (!isAll) reading.report.lacks.add("limit");
  const builder = new ProcessTreeBuilder({
    process,
    momentNano,
    startNano: range.startNano,
    limit,
    alerts: byEvent(alerts.map((alert) => ({ ...alert, events: [] }))),
  });
  await reading.each(
    { filter: compileFilter(""), hosts: new Set([hostId]), ...range, order: "ascending" },
    ({ events, matches }) => {
      builder.add(events, matches);
      return undefined;
    },
  );
  const { nodes, nodesLeftOut } = builder.answer();
  if (nodesLeftOut > 0) reading.report.lacks.add("limit");
  const completeness = completenessOf(reading.report);
  const response = { hostId, nodes, entityId: process.entityId, nodesLeftOut: BigInt(nodesLeftOut), completeness };
  return { response, results: nodes.length };
}

function checkProcess(asked: GetProcessTreeRequest["process"]): Asked {
  if (asked === undefined) throw invalidField("process", "", "an entity_id, event_id, alert_id or pid");
  const { $case, value } = asked;
  if ($case === "entityId" && !ENTITY_ID.test(value))
    throw invalidField("entity_id", value, "16 lower case hex digits");
  if ($case === "eventId" && parseEventId(value) === undefined)
    throw invalidField("event_id", value, "<host id>-<epoch>-<seq> in hex digits");
  if ($case === "alertId" && !ALERT_ID.test(value))
    throw invalidField("alert_id", value, "ids as ListAlerts gives them");
  if ($case === "pid" && (value === 0 || value > PID_MAX)) throw invalidField("pid", value, "1 and above");
  return asked;
}

interface Question {
  request: GetProcessTreeRequest;
  asked: Asked;
  rangeAt: (momentNano: bigint) => TimeRange;
}

async function locate(source: AnswerSource, question: Question, visit: Visit, reading: Reading): Promise<Located> {
  const { request, asked } = question;
  // An event and an alert say themselves which host they are of.
  const hostId = request.hostId === "" && !isOfHost(asked) ? "" : await hostOf(request.hostId, visit, source);
  if (asked.$case === "eventId") return ofEvent(await eventOf(source, asked.value, visit), hostId, asked.value);
  if (asked.$case === "alertId") return await ofAlert(source, asked.value, hostId, visit);
  const momentNano = momentOf("time", request.time);
  const range = question.rangeAt(momentNano);
  const process =
    asked.$case === "entityId"
      ? await byField(reading, hostId, range, "entity_id", `"${asked.value}"`)
      : await byPid(reading, hostId, asked.value, { ...range, momentNano });
  if (process !== undefined) return { hostId, process, momentNano };
  const what = asked.$case === "pid" ? `pid ${asked.value}` : `entity id ${asked.value}`;
  throw noSuch("PROCESS_NOT_FOUND", `no process with ${what} on ${hostId} in the time that is looked at`);
}

function isOfHost({ $case }: Asked): boolean {
  return $case === "entityId" || $case === "pid";
}

/** By its own events, or by those of its children. */
async function byField(
  reading: Reading,
  hostId: string,
  range: TimeRange,
  field: string,
  value: string,
): Promise<Process | undefined> {
  const about = { hosts: new Set([hostId]), ...range };
  const own = await reading.nearest("last", { ...about, filter: compileFilter(`process.${field} = ${value}`) });
  if (own?.event.process !== undefined) return own.event.process;
  const filter = compileFilter(`process.parent.${field} = ${value}`);
  return parentOf((await reading.nearest("last", { ...about, filter }))?.event.process);
}

/** The parent of a process, with what its child tells of those above it. */
function parentOf(child: Process | undefined): Process | undefined {
  return child?.parent && { ...child.parent, ancestry: child.ancestry.slice(1) };
}

/** A pid is used again and again: the process is the one that had it at the moment. */
async function byPid(
  reading: Reading,
  hostId: string,
  pid: number,
  { startNano, endNano, momentNano }: TimeRange & { momentNano: bigint },
): Promise<Process | undefined> {
  const about = { hosts: new Set([hostId]), filter: compileFilter(`process.pid = ${pid}`) };
  const last = await reading.nearest("last", { ...about, startNano, endNano: momentNano + 1n });
  // Whoever has ended is no longer the one that has the pid.
  if (last?.event.process !== undefined && !isEnd(last.event)) return last.event.process;
  const next = await reading.nearest("first", { ...about, startNano: momentNano + 1n, endNano });
  const began = next?.event.process?.startUnixNano ?? 0n;
  if (next?.event.process !== undefined && !isBegun(next.event, began, momentNano)) return next.event.process;
  if (last?.event.process !== undefined && last.timeNano === momentNano) return last.event.process;
  if (last !== undefined) return undefined;
  const children = { ...about, filter: compileFilter(`process.parent.pid = ${pid}`) };
  return parentOf((await reading.nearest("last", { ...children, startNano, endNano: momentNano + 1n }))?.event.process);
}

function isEnd({ event, audit }: Event): boolean {
  return event?.action === "exited" && audit?.syscall?.name === "exit_group";
}

/** True for a process that began after the moment only. */
function isBegun({ event, process }: Event, beganNano: bigint, momentNano: bigint): boolean {
  if (beganNano > momentNano) return true;
  return beganNano === 0n && event?.action === "executed" && process?.provenance === "observed";
}

async function eventOf(source: AnswerSource, id: string, { hosts }: Visit): Promise<Event> {
  const parts = parseEventId(id);
  const isThere = parts !== undefined && hosts?.has(parts.hostId) !== false;
  const found = isThere ? await whileMoved(() => source.find(parts.hostId, parts.epoch, parts.seq)) : undefined;
  if (found === undefined) throw noSuch("EVENT_NOT_FOUND", `no event ${id}`, { id });
  return found.events.event(found.index);
}

function ofEvent(event: Event, hostId: string, id: string): Located {
  const own = parseEventId(event.id)?.hostId ?? "";
  if (hostId !== "" && hostId !== own) throw invalidField("host_id", hostId, `${own}, of which the event is, or none`);
  const { process } = event;
  if (process === undefined || process.entityId === "")
    throw noSuch("PROCESS_NOT_FOUND", `event ${id} tells of no process`, { id });
  return { hostId: own, process, momentNano: event.event?.timeUnixNano ?? 0n };
}

/** By the first of its events that tells of a process; the detector keeps these in full. */
async function ofAlert(source: AnswerSource, id: string, hostId: string, { hosts }: Visit): Promise<Located> {
  const alert = (await source.alerts.getAlerts([id])).get(id)?.alert;
  if (alert === undefined || !isVisible(alert, hosts)) throw noSuch("ALERT_NOT_FOUND", `no alert ${id}`, { id });
  const isOfHostAsked = (event: Event): boolean => hostId === "" || parseEventId(event.id)?.hostId === hostId;
  const event = alert.events.find(
    (each) =>
      isOfHostAsked(each) && (each.process?.entityId ?? "") !== "" && isHostId(parseEventId(each.id)?.hostId ?? ""),
  );
  if (event === undefined) {
    const where = hostId === "" ? "" : ` on ${hostId}`;
    throw noSuch("PROCESS_NOT_FOUND", `no event of alert ${id} tells of a process${where}`, { id });
  }
  return ofEvent(event, "", event.id);
}

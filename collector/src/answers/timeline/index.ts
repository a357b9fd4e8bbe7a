/**
 * What happened on one host as a story: events in the order of time, those that repeat folded into one entry, alerts among them. Parts of
 * history come by their beginnings and may overlap; an event is told when nothing that is still to come can be earlier.
 */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Alert } from "@hosttrail/proto/alert";
import { type TimelineEntry, TimelineKind } from "@hosttrail/proto/analysis";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { BlockFacts } from "../facts.ts";
import { shownText } from "../shown.ts";
import { SECOND_NANO, timestampOf } from "../times.ts";
import { summaryOf, timelineKindOf } from "./kind.ts";

export interface TimelinePlan {
  /** Undefined for all. */
  kinds: ReadonlySet<TimelineKind> | undefined;
  /** Entries. What happened in the moment of the last one is told whole. */
  limit: number;
}

interface Entry {
  kind: TimelineKind;
  firstNano: bigint;
  lastNano: bigint;
  count: number;
  summary: string;
  action: string;
  outcome: string;
  processEntityId: string;
  processName: string;
  userName: string;
  object: string;
  eventIds: string[];
  alertId: string;
}

interface Waiting {
  timeNano: bigint;
  facts: BlockFacts;
  event: number;
}

const EVENT_IDS_MAX = 20;
const OBJECT_LENGTH_MAX = 1024;
/** Entries that a further event may be folded into, and how long after the last one. */
const OPEN_MAX = 32;
const FOLD_NANO: bigint = 60n * SECOND_NANO;

export class TimelineBuilder {
  readonly #plan: TimelinePlan;
  #waiting: Waiting[] = [];
  readonly #entries: Entry[] = [];
  /** By what makes events alike; the one that was used last is last. */
  readonly #open = new Map<string, Entry>();
  #untilNano: bigint | undefined;

  constructor(plan: TimelinePlan) {
    this.#plan = plan;
  }

  /** Adds events; `edgeNano`: neither these nor any that come later are earlier. True once there are enough entries. */
  add(block: ColumnBlock, events: readonly number[], edgeNano: bigint): boolean {
    if (this.#tell(edgeNano)) return true;
    const facts = new BlockFacts(block);
    const { kinds } = this.#plan;
    for (const event of events)
      if (kinds?.has(timelineKindOf(facts.kindOf(event))) !== false)
        this.#waiting.push({ timeNano: facts.timeOf(event), facts, event });
    this.#waiting.sort(inOrder);
    return false;
  }

  /** Tells what is earlier than a time. */
  #tell(edgeNano: bigint): boolean {
    if (this.#untilNano !== undefined) return true;
    let told = 0;
    let lastNano: bigint | undefined;
    for (const next of this.#waiting) {
      if (next.timeNano >= edgeNano) break;
      // A moment is told whole, or not at all: the next question begins with one.
      if (this.#entries.length >= this.#plan.limit && next.timeNano !== lastNano) {
        this.#untilNano = next.timeNano;
        break;
      }
      lastNano = next.timeNano;
      this.#take(next);
      told++;
    }
    this.#waiting = this.#waiting.slice(told);
    return this.#untilNano !== undefined;
  }

  #take({ timeNano, facts, event }: Waiting): void {
    const { action, outcome } = facts.kindOf(event);
    const kind = timelineKindOf(facts.kindOf(event));
    const isLookup = facts.isLookup(event);
    const object = facts.objectOf(event).slice(0, OBJECT_LENGTH_MAX);
    const name = isLookup ? object.slice(object.lastIndexOf("/") + 1) : object;
    const process = facts.processOf(event);
    const key = [kind, action, outcome, isLookup, actorKey(kind, action, process), facts.actorOf(event), name].join(
      "\0",
    );
    const known = this.#open.get(key);
    if (known !== undefined && timeNano - known.lastNano <= FOLD_NANO) {
      this.#fold(known, { timeNano, facts, event }, isLookup && known.object !== shownText(object) ? name : undefined);
      this.#keepOpen(key, known);
      return;
    }
    const entry: Entry = {
      kind,
      firstNano: timeNano,
      lastNano: timeNano,
      count: 1,
      summary: summaryOf(facts, event, object),
      action,
      outcome,
      processEntityId: process?.entityId ?? "",
      processName: shownText(process?.name ?? ""),
      userName: shownText(facts.actorOf(event)),
      object: shownText(object),
      eventIds: [facts.block.eventId(event)],
      alertId: "",
    };
    this.#entries.push(entry);
    this.#keepOpen(key, entry);
  }

  #fold(entry: Entry, { timeNano, facts, event }: Waiting, lookedUp: string | undefined): void {
    entry.count++;
    entry.lastNano = timeNano;
    if (entry.eventIds.length < EVENT_IDS_MAX) entry.eventIds.push(facts.block.eventId(event));
    if (lookedUp === undefined) return;
    const object = `${lookedUp} (along PATH)`;
    entry.object = shownText(object);
    entry.summary = summaryOf(facts, event, object);
  }

  #keepOpen(key: string, entry: Entry): void {
    this.#open.delete(key);
    this.#open.set(key, entry);
    const [oldest] = this.#open.keys();
    if (this.#open.size > OPEN_MAX && oldest !== undefined) this.#open.delete(oldest);
  }

  /**
   * Everything up to a time, with these alerts where they are of it. `untilNano` of the answer: where the limit ended it; what is
   * there then or later is not told.
   */
  answer(endNano: bigint, alerts: readonly Alert[]): { entries: TimelineEntry[]; untilNano: bigint | undefined } {
    this.#tell(endNano);
    const untilNano = this.#untilNano;
    const { kinds } = this.#plan;
    const isTold = ({ firstNano }: Entry): boolean => firstNano < (untilNano ?? endNano);
    const told = kinds?.has(TimelineKind.ALERT) === false ? [] : alerts.map(entryOfAlert).filter(isTold);
    const entries = [...this.#entries, ...told].sort((a, b) => compare(a.firstNano, b.firstNano));
    return { entries: entries.map(toEntry), untilNano };
  }
}

/** Executions have an entity each: they are alike where their parent is the same; at the door, where the program is. */
function actorKey(kind: TimelineKind, action: string, process: ReturnType<BlockFacts["processOf"]>): string {
  if (process === undefined) return "";
  if (kind === TimelineKind.LOGIN) return process.executable;
  if (action !== "executed") return process.entityId;
  return process.ancestry[0]?.entityId ?? process.parent?.entityId ?? process.entityId;
}

function entryOfAlert(alert: Alert): Entry {
  const { firstEventTime, lastEventTime, rule, title, count, eventIds, id } = alert;
  const firstNano = nanoOf(firstEventTime);
  return {
    kind: TimelineKind.ALERT,
    firstNano,
    lastNano: lastEventTime === undefined ? firstNano : nanoOf(lastEventTime),
    count: Number(count),
    summary: shownText(`alert: ${title}`),
    action: shownText(rule?.key ?? ""),
    outcome: "",
    processEntityId: "",
    processName: "",
    userName: "",
    object: "",
    eventIds: eventIds.slice(0, EVENT_IDS_MAX),
    alertId: id,
  };
}

function toEntry({ firstNano, lastNano, count, ...rest }: Entry): TimelineEntry {
  return { ...rest, firstTime: timestampOf(firstNano), lastTime: timestampOf(lastNano), count: BigInt(count) };
}

function nanoOf(time: Timestamp | undefined): bigint {
  return time === undefined ? 0n : time.seconds * SECOND_NANO + BigInt(time.nanos);
}

function inOrder(a: Waiting, b: Waiting): number {
  const byTime = compare(a.timeNano, b.timeNano);
  if (byTime !== 0) return byTime;
  return a.facts === b.facts
    ? a.event - b.event
    : a.facts.block.eventId(a.event) < b.facts.block.eventId(b.event)
      ? -1
      : 1;
}

function compare(a: bigint, b: bigint): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

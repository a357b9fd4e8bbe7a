/**
 * Matches become alerts: all matches of a rule on a host within a window are one. Windows do not depend on what was there before, so the
 * same matches make the same alerts in whatever order they come.
 */
import { createHash } from "node:crypto";
import { Alert, type AlertGroup, type AlertRule, AlertState } from "@hosttrail/proto/alert";
import type { MatchedEvent } from "@hosttrail/proto/detection";
import { Event } from "@hosttrail/proto/event";
import type { Timestamp } from "@hosttrail/proto/timestamp";

/** Events in full, and ids of events: half of these the oldest and half the newest. */
const EVENTS_MAX = 20;
const IDS_MAX = 50;
const ID_TIME_LENGTH = 12;
const ID_HASH_LENGTH = 32;
const MS_NANO = 1_000_000n;
const SECOND_NANO = 1_000_000_000n;

export function timestampOf(nano: bigint): Timestamp {
  const seconds = nano >= 0n ? nano / SECOND_NANO : -((-nano + SECOND_NANO - 1n) / SECOND_NANO);
  return { seconds, nanos: Number(nano - seconds * SECOND_NANO) };
}

export function nanosOf(time: Timestamp | undefined): bigint {
  return time === undefined ? 0n : time.seconds * SECOND_NANO + BigInt(time.nanos);
}

export function nowTimestamp(): Timestamp {
  return timestampOf(BigInt(Date.now()) * MS_NANO);
}

/** Ids sort by the time that they are of; what is before 1970 counts as then. */
export function alertId(timeMs: number, hash: string): string {
  const time = Math.max(0, Math.min(timeMs, 16 ** ID_TIME_LENGTH - 1));
  return `${time.toString(16).padStart(ID_TIME_LENGTH, "0")}-${hash.slice(0, ID_HASH_LENGTH)}`;
}

export function hashOf(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** Begin of the window that a time is in, milliseconds. */
export function windowOf(timeNano: bigint, windowMs: number): number {
  return Math.floor(Number(timeNano / MS_NANO) / windowMs) * windowMs;
}

/** The alert of a rule on a host in the window that begins then. */
export function alertIdOf(ruleKey: string, hostId: string, startMs: number): string {
  return alertId(startMs, hashOf(ruleKey, hostId, String(startMs)));
}

/** An alert without a match. */
export function newAlert(id: string, rule: AlertRule, group: readonly AlertGroup[]): Alert {
  const now = nowTimestamp();
  return {
    ...Alert.create(),
    id,
    rule,
    title: rule.title,
    group: [...group],
    state: AlertState.OPEN,
    createTime: now,
    updateTime: now,
  };
}

export interface MatchSource {
  host: { id: string; name: string };
  receivedNano: bigint;
  lateAfterNano: bigint;
}

/** Adds one match. */
export function addMatch(alert: Alert, match: MatchedEvent, { host, receivedNano, lateAfterNano }: MatchSource): void {
  const isFirst = alert.count === 0n;
  addTimes(alert, match.timeUnixNano, match.timeUnixNano);
  alert.count += 1n;
  if (!alert.hosts.some(({ id }) => id === host.id)) alert.hosts.push(host);
  alert.eventIds = withId(alert.eventIds, match.eventId);
  if (match.event.length > 0 && isWanted(alert.events, match.eventId, EVENTS_MAX))
    alert.events = withEvent(alert.events, Event.decode(match.event));
  if (isFirst) {
    if (match.title !== "") alert.title = match.title;
    alert.silencedBy = match.silencedBy;
    const lateNano = receivedNano - match.timeUnixNano;
    alert.lateMs = lateNano > lateAfterNano ? lateNano / MS_NANO : 0n;
  }
  alert.updateTime = nowTimestamp();
}

/** Adds matches of which only the number and the times are known. */
export function addCount(alert: Alert, count: number, firstNano: bigint, lastNano: bigint): void {
  if (count === 0) return;
  addTimes(alert, firstNano, lastNano);
  alert.count += BigInt(count);
  alert.updateTime = nowTimestamp();
}

function addTimes(alert: Alert, firstNano: bigint, lastNano: bigint): void {
  if (alert.firstEventTime === undefined || firstNano < nanosOf(alert.firstEventTime))
    alert.firstEventTime = timestampOf(firstNano);
  if (alert.lastEventTime === undefined || lastNano > nanosOf(alert.lastEventTime))
    alert.lastEventTime = timestampOf(lastNano);
}

/** Ids of a host's events sort as its agent numbered them; the oldest and the newest stay. */
function withId(ids: readonly string[], id: string): string[] {
  const at = placeOf(ids, id);
  if (ids[at] === id) return [...ids];
  const all = [...ids.slice(0, at), id, ...ids.slice(at)];
  if (all.length > IDS_MAX) all.splice(IDS_MAX / 2, 1);
  return all;
}

/** The oldest stay. */
export function withEvent(events: readonly Event[], event: Event, most: number = EVENTS_MAX): Event[] {
  if (!isWanted(events, event.id, most)) return [...events];
  const at = placeAmong(events, event.id);
  return [...events.slice(0, at), event, ...events.slice(at)].slice(0, most);
}

/** Whether an event is none of these and not behind them where they are enough. */
function isWanted(events: readonly Event[], id: string, most: number): boolean {
  const at = placeAmong(events, id);
  return at < most && events[at]?.id !== id;
}

function placeAmong(events: readonly Event[], id: string): number {
  const at = events.findIndex((other) => other.id >= id);
  return at === -1 ? events.length : at;
}

function placeOf(ids: readonly string[], id: string): number {
  const at = ids.findIndex((other) => other >= id);
  return at === -1 ? ids.length : at;
}

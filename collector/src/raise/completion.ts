/**
 * Events in full for alerts of correlations, which name them by id: those that came a moment ago are known here, older ones are looked up
 * in history.
 */
import type { CorrelationMatch } from "@hosttrail/lib/correlate";
import type { Alert } from "@hosttrail/proto/alert";
import type { MatchBatch } from "@hosttrail/proto/detection";
import { Event } from "@hosttrail/proto/event";
import type { RaiseHistory } from "./ports.ts";

/** Events in full in an alert of a correlation. */
export const CORRELATED_EVENTS_MAX = 50;
const RECENT_EVENTS_MAX = 2000;
const RECENT_MATCHES_MAX = 2000;
const NAMES_MAX = 100_000;
const IDS_MAX = 50;
/** Alerts that wait for events, and how often each is tried: a block may not be stored yet. */
const WAITING_MAX = 1000;
const TRIES_MAX = 8;
const AT_ONCE = 20;

interface Waiting {
  eventIds: string[];
  tries: number;
}

export class Completion {
  readonly #history: RaiseHistory;
  /** Serialized: there are many, and hardly one is asked for. */
  readonly #recent = new Map<string, Uint8Array>();
  readonly #names = new Map<string, string>();
  readonly #matches = new Map<string, CorrelationMatch>();
  readonly #waiting = new Map<string, Waiting>();

  constructor(history: RaiseHistory) {
    this.#history = history;
  }

  /** Remembers the events of a message. */
  note({ rules, hostId, hostName }: MatchBatch): void {
    remember(this.#names, hostId, hostName, NAMES_MAX);
    for (const { events } of rules)
      for (const { eventId, event } of events)
        if (event.length > 0) remember(this.#recent, eventId, event, RECENT_EVENTS_MAX);
  }

  /** Empty where the host is not known. */
  nameOf(hostId: string): string {
    return this.#names.get(hostId) ?? "";
  }

  noteMatch(match: CorrelationMatch): void {
    remember(this.#matches, match.id, match, RECENT_MATCHES_MAX);
  }

  /** A match of a chain with the events and hosts of the matches that it is made of. */
  withInner(match: CorrelationMatch): CorrelationMatch {
    if (match.innerIds.length === 0) return match;
    const eventIds = new Set(match.eventIds);
    const hostIds = new Set(match.hostIds);
    for (const id of match.innerIds) {
      const inner = this.#matches.get(id);
      if (inner === undefined) continue;
      const whole = this.withInner(inner);
      for (const eventId of whole.eventIds) eventIds.add(eventId);
      for (const hostId of whole.hostIds) hostIds.add(hostId);
    }
    return { ...match, eventIds: [...eventIds].slice(0, IDS_MAX), hostIds: [...hostIds].sort() };
  }

  /** Gives an alert those of its events that are known, and has the others looked up. */
  complete(alert: Alert): void {
    const known = new Map(alert.events.map((event) => [event.id, event]));
    const events: Event[] = [];
    const missing: string[] = [];
    for (const id of alert.eventIds) {
      const event = known.get(id) ?? this.#knownEvent(id);
      if (event === undefined) missing.push(id);
      else events.push(event);
    }
    alert.events = events.slice(0, CORRELATED_EVENTS_MAX);
    if (missing.length === 0) this.#waiting.delete(alert.id);
    else remember(this.#waiting, alert.id, { eventIds: missing, tries: 0 }, WAITING_MAX);
  }

  #knownEvent(id: string): Event | undefined {
    const bytes = this.#recent.get(id);
    return bytes === undefined ? undefined : Event.decode(bytes);
  }

  /** Events that were found, by alert. */
  async lookUp(signal: AbortSignal): Promise<Map<string, Event[]>> {
    const found = new Map<string, Event[]>();
    for (const [alertId, waiting] of [...this.#waiting].slice(0, AT_ONCE)) {
      if (signal.aborted) break;
      const events: Event[] = [];
      const missing: string[] = [];
      for (const id of waiting.eventIds) {
        const event = await this.#history.event(id);
        if (event === undefined) missing.push(id);
        else events.push(event);
      }
      if (events.length > 0) found.set(alertId, events);
      // Somebody may have asked for others meanwhile.
      if (this.#waiting.get(alertId) !== waiting) continue;
      this.#waiting.delete(alertId);
      if (missing.length > 0 && waiting.tries + 1 < TRIES_MAX)
        this.#waiting.set(alertId, { eventIds: missing, tries: waiting.tries + 1 });
    }
    return found;
  }
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

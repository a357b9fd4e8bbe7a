/**
 * Forwards stored events to one target: which of them were not forwarded is the difference between what history has and what was written
 * down, so nothing of it depends on the order in which they came. What goes out together is written down before (the plan), and what went out
 * after it: whoever goes on after a crash sends the same batch under the same name.
 *
 * States: idle -> planned (a plan is written down) -> sent (the target has it) -> noted (written down as forwarded) -> idle. A process
 * that begins with a plan goes on at *planned*.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import { MovedError, overlaps, type Reading, type Unit } from "../history/index.ts";
import { metrics } from "../metrics/index.ts";
import { type ExportPlan, OUTSIDE, type Place, RetryableError } from "../model/index.ts";
import { batchNameOf } from "./name.ts";
import type { ForwardHistory, ForwardStore, Outlet, Target } from "./ports.ts";
import { Progress } from "./progress.ts";
import { type Lost, readEvents } from "./read.ts";
import { eventsOf, partsOf, trailOf, type Trails, trailsFrom, trailsText } from "./trails.ts";
import { batchesOf, waitingIn } from "./waiting.ts";

const TIME_MIN = -(1n << 63n);
const TIME_MAX = (1n << 63n) - 1n;
/** Times that a batch is begun anew since what it reads was moved meanwhile. */
const MOVES_MAX = 6;
/** How often days are looked at of which nothing arrived: late events come as arrivals first, and may have been missed there. */
const SWEEP_MS = 600_000;
/** The newest days are looked at each time. */
const NEWEST_DAYS = 2;
/** Hosts that are named when a plan's units are looked for; of more, all are read. */
const HOSTS_ASKED_MAX = 500;
const MANY_DELAY_MS = 5000;

export interface EventParts {
  history: ForwardHistory;
  store: ForwardStore;
  target: Target;
  outlet: Outlet;
  logger: Logger;
}

export class EventForwarder {
  readonly #parts: EventParts;
  readonly #progress: Progress;
  /** What history there was in a place when nothing of it was left. */
  readonly #finished = new Map<Place, string>();
  #sweptMs = -Infinity;

  constructor(parts: EventParts) {
    this.#parts = parts;
    this.#progress = new Progress(parts.store, parts.outlet.name);
  }

  /** Takes all that is stored now for forwarded. */
  async skipAll(signal: AbortSignal): Promise<void> {
    const reading = await this.#read(undefined);
    for (const place of placesOf(reading)) {
      if (signal.aborted) return;
      await this.#progress.note(place, waitingIn(await reading.all(place), new Map()));
    }
  }

  /** Brings a batch that was begun to its end. */
  async resume(plan: ExportPlan, signal: AbortSignal): Promise<void> {
    await this.#send(plan, trailsFrom(plan.text), undefined, signal);
  }

  /**
   * Forwards all that is stored now, the oldest day first; true where that was all. Throws what the target or the database says; then the
   * plan says where to go on.
   */
  async turn(signal: AbortSignal): Promise<boolean> {
    const nowMs = performance.now();
    const isSweep = nowMs - this.#sweptMs >= SWEEP_MS;
    const reading = await this.#read(undefined);
    const arrived = Map.groupBy(reading.arrived, ({ place }) => place);
    const places = placesOf(reading);
    const newest = new Set(places.slice(0, NEWEST_DAYS));
    for (const place of places.toReversed()) {
      if (signal.aborted) return false;
      if (isSweep || newest.has(place) || arrived.has(place) || !this.#finished.has(place))
        await this.#turnOf(place, reading, arrived.get(place) ?? [], signal);
    }
    if (isSweep) {
      await this.#sweep(reading);
      this.#sweptMs = nowMs;
    }
    return reading.floorNano === undefined;
  }

  async #turnOf(place: Place, reading: Reading, arrived: readonly Unit[], signal: AbortSignal): Promise<void> {
    const { history, outlet, store } = this.#parts;
    // Before the catalogs: what changes after it is seen the next time.
    const fingerprint = await history.fingerprint(place);
    const done = await this.#progress.done(place);
    const isFinished = this.#finished.get(place) === fingerprint;
    if (isFinished && waitingIn(arrived, done).size === 0) return;
    const units = await reading.all(place);
    const waiting = waitingIn(units, done);
    let left = eventsOf(waiting);
    this.#tellWaiting(left);
    for (const trails of batchesOf(waiting, outlet.eventsMax)) {
      if (signal.aborted) return;
      const plan = { place, timeMs: Date.now(), text: trailsText(trails) };
      await store.putPlan(outlet.name, plan);
      await this.#send(plan, trails, units, signal);
      left -= eventsOf(trails);
      this.#tellWaiting(left);
    }
    this.#finished.set(place, fingerprint);
  }

  async #sweep(reading: Reading): Promise<void> {
    // Where not all arrivals were read, a day may be there of which none was seen.
    if (reading.floorNano !== undefined) return;
    const kept = new Set(placesOf(reading));
    await this.#progress.forget((place) => /^\d{8}$/.test(place) && !kept.has(place));
    for (const place of this.#finished.keys()) if (!kept.has(place)) this.#finished.delete(place);
  }

  #tellWaiting(events: number): void {
    metrics.exportWaitingEvents.set({ target: this.#parts.outlet.name }, events);
  }

  async #read(hosts: ReadonlySet<string> | undefined, endNano: bigint = TIME_MAX): Promise<Reading> {
    return await this.#parts.history.begin({ hosts, startNano: TIME_MIN, endNano });
  }

  async #send(
    plan: ExportPlan,
    trails: Trails,
    known: readonly Unit[] | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { outlet, store, logger } = this.#parts;
    const lost: Lost = { gone: 0, unreadable: 0, reasons: [] };
    let units = known ?? (await this.#unitsOf(plan.place, trails));
    let sent = 0;
    for (let attempt = 1; ; attempt++) {
      Object.assign(lost, { gone: 0, unreadable: 0, reasons: [] });
      try {
        sent = await this.#sendOnce(plan, trails, units, lost, signal);
        break;
      } catch (error) {
        if (!(error instanceof MovedError) || attempt === MOVES_MAX) throw error;
        units = await this.#unitsOf(plan.place, trails);
      }
    }
    const target = outlet.name;
    if (lost.gone > 0)
      logger.warn({ target, place: plan.place, events: lost.gone }, "events went before they were forwarded");
    for (const reason of lost.reasons) logger.error({ target, reason }, "events cannot be forwarded: they are damaged");
    await this.#progress.note(plan.place, trails);
    await store.removePlan(target);
    metrics.exportRows.inc({ target, kind: "event" }, sent);
    metrics.exportLost.inc({ target, reason: "gone" }, lost.gone);
    metrics.exportLost.inc({ target, reason: "unreadable" }, lost.unreadable);
  }

  /** Gives how many events went out. */
  async #sendOnce(
    plan: ExportPlan,
    trails: Trails,
    units: readonly Unit[],
    lost: Lost,
    signal: AbortSignal,
  ): Promise<number> {
    const { outlet, history, target } = this.#parts;
    const batch = target.openEvents(batchNameOf(outlet, plan), signal);
    let sent = 0;
    try {
      for await (const events of readEvents(history, { trails, units, filter: outlet.filter }, lost)) {
        signal.throwIfAborted();
        await batch.write(events);
        sent += events.length;
        // Others of this process have their turn.
        await sleep(0);
      }
      await batch.end();
      return sent;
    } catch (error) {
      await batch.drop();
      throw error;
    }
  }

  /** What has these events now. All arrivals are looked through: one that is not seen would be taken for gone. */
  async #unitsOf(place: Place, trails: Trails): Promise<Unit[]> {
    const named = new Set(Array.from(trails.keys(), (trail) => partsOf(trail).hostId));
    const hosts = named.size > HOSTS_ASKED_MAX ? undefined : named;
    const found: Unit[] = [];
    for (let endNano: bigint | undefined = TIME_MAX; endNano !== undefined; ) {
      const reading: Reading = await this.#read(hosts, endNano);
      const units = await reading.all(place);
      found.push(...units.filter((unit) => overlaps(unit.ranges, trails.get(trailOf(unit)) ?? [])));
      const { floorNano } = reading;
      // They become segments within minutes.
      if (floorNano !== undefined && floorNano >= endNano - 1n)
        throw new RetryableError("too many blocks came in the same moment", MANY_DELAY_MS);
      endNano = floorNano === undefined ? undefined : floorNano + 1n;
    }
    return found;
  }
}

/** The newest first. */
function placesOf({ days }: Reading): Place[] {
  return [...days, OUTSIDE];
}

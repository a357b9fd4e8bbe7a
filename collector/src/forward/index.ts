/**
 * Forwards stored events and alerts to other tools, for good and again and again: files, object stores, collectors of OpenTelemetry, syslog.
 * One process at a time forwards to each target; a target that is away or refuses lags behind, and holds up nobody else.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import { AlertForwarder, ALERTS_PLACE } from "./alerts.ts";
import { EventForwarder } from "./events.ts";
import { ForwardError, reasonOf } from "./failure.ts";
import type { ForwardAlerts, ForwardHistory, ForwardStore, Outlet, Target } from "./ports.ts";

export type { ForwardAlerts, Outlet, Target } from "./ports.ts";
export { FileStore, OtlpTarget, readHeaders, StoredTarget, SyslogTarget } from "./targets/index.ts";

/** Waits after a failure: twice as long each time. */
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 60_000;
/** How often it is written down that all is forwarded. */
const STATE_MS = 60_000;

/** The lease of a target while it is held. */
interface HeldOutlet {
  signal: AbortSignal;
}

export interface ForwardParts {
  hold(target: string, until: AbortSignal, work: (lease: HeldOutlet) => Promise<void>, logger: Logger): Promise<void>;
  history: ForwardHistory;
  store: ForwardStore;
  alerts: ForwardAlerts;
  openTarget(outlet: Outlet): Target;
}

export class Forwarder {
  readonly #parts: ForwardParts;
  readonly #outlets: readonly Outlet[];
  readonly #logger: Logger;

  constructor(parts: ForwardParts, outlets: readonly Outlet[], logger: Logger) {
    this.#parts = parts;
    this.#outlets = outlets;
    this.#logger = logger;
  }

  /** Works until the signal ends it, on all targets that no other process works on. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#outlets.map((outlet) => this.#runOne(outlet, signal)));
  }

  async #runOne(outlet: Outlet, signal: AbortSignal): Promise<void> {
    const labels = { target: outlet.name };
    metrics.exportIsActive.set(labels, 0);
    const work = async (lease: HeldOutlet): Promise<void> => {
      metrics.exportIsActive.set(labels, 1);
      const turns = new Turns(this.#parts, outlet, this.#logger);
      try {
        await turns.run(lease.signal);
      } finally {
        turns.close();
        metrics.exportIsActive.set(labels, 0);
      }
    };
    await this.#parts.hold(outlet.name, signal, work, this.#logger);
  }
}

/** What is done to one target while its lease is held. */
class Turns {
  readonly #parts: ForwardParts;
  readonly #outlet: Outlet;
  readonly #logger: Logger;
  readonly #target: Target;
  readonly #events: EventForwarder;
  readonly #alerts: AlertForwarder;
  /** Undefined until it is known. */
  #caughtUpMs: number | undefined;
  #notedMs = 0;
  #begunMs = 0;

  constructor(parts: ForwardParts, outlet: Outlet, logger: Logger) {
    this.#parts = parts;
    this.#outlet = outlet;
    this.#logger = logger;
    this.#target = parts.openTarget(outlet);
    const shared = { ...parts, target: this.#target, outlet, logger };
    this.#events = new EventForwarder(shared);
    this.#alerts = new AlertForwarder(shared);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { name, everyMs } = this.#outlet;
    let failures = 0;
    while (!signal.aborted) {
      const beganMs = Date.now();
      let pauseMs: number;
      try {
        await this.#turn(beganMs, signal);
        if (failures > 0) this.#logger.info({ target: name }, "the target takes what is exported again");
        failures = 0;
        metrics.exportFailing.set({ target: name }, 0);
        pauseMs = Math.max(0, Math.min(everyMs - (Date.now() - beganMs), everyMs));
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        metrics.exportFailures.inc({ target: name });
        metrics.exportFailing.set({ target: name }, 1);
        const about = { target: name, failures, error: reasonOf(error) };
        this.#logger.warn(about, "what is exported does not go out; it is tried again");
        const wantedMs = error instanceof ForwardError ? error.retryAfterMs : 0;
        pauseMs = Math.max(wantedMs, Math.min(RETRY_MIN_MS * 2 ** (failures - 1), RETRY_MAX_MS));
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #turn(beganMs: number, signal: AbortSignal): Promise<void> {
    const { name, what } = this.#outlet;
    const { store } = this.#parts;
    if (this.#caughtUpMs === undefined) await this.#begin(signal);
    const plan = await store.getPlan(name);
    if (plan !== undefined) {
      const begun = plan.place.startsWith(ALERTS_PLACE) ? this.#alerts : this.#events;
      await begun.resume(plan, signal);
    }
    if (what !== "events") await this.#alerts.turn(signal);
    const isAll = what === "alerts" || (await this.#events.turn(signal));
    if (!isAll || signal.aborted) return;
    this.#tell(beganMs);
    if (beganMs - this.#notedMs < STATE_MS) return;
    await store.putState(name, { begunMs: this.#begunMs, caughtUpMs: beganMs });
    this.#notedMs = beganMs;
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { name, what, begin } = this.#outlet;
    const { store } = this.#parts;
    await this.#target.tidy?.();
    let state = await store.getState(name);
    if (state === undefined) {
      const nowMs = Date.now();
      if (begin === "now" && what !== "alerts") await this.#events.skipAll(signal);
      if (begin === "now" && what !== "events") await this.#alerts.skipAll(signal);
      signal.throwIfAborted();
      state = { begunMs: nowMs, caughtUpMs: begin === "now" ? nowMs : 0 };
      await store.putState(name, state);
      this.#logger.info({ target: name, begin }, "an export begins");
    }
    this.#begunMs = state.begunMs;
    this.#tell(state.caughtUpMs);
  }

  #tell(caughtUpMs: number): void {
    this.#caughtUpMs = caughtUpMs;
    metrics.exportCaughtUp.set({ target: this.#outlet.name }, caughtUpMs / 1000);
  }

  close(): void {
    metrics.exportCaughtUp.remove({ target: this.#outlet.name });
    metrics.exportWaitingEvents.remove({ target: this.#outlet.name });
    metrics.exportFailing.remove({ target: this.#outlet.name });
    this.#target.close?.();
  }
}

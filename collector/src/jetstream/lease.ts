/**
 * A lease: of all processes that want it, one has it. It is a message that only who knows the last one can replace, which the server
 * decides; who has it renews it, and who sees it unchanged for long enough takes it. Nobody's clock is compared with another's.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { JetStreamApiError, type JetStreamClient, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "@hosttrail/lib/log";
import { LEASES } from "./names.ts";

/** The lease while it is held. */
export interface HeldLease {
  /** Grows from holder to holder. */
  term: string;
  /** False as soon as another one may have it. To be asked before anything is written. */
  isHeld(): boolean;
  /** Aborted when it is lost or given back. */
  signal: AbortSignal;
}

/** JetStream's err_code of a message that is not there, and of one that is not the last any more. */
const MESSAGE_NOT_FOUND = 10_037;
const WRONG_LAST_SEQUENCE = 10_071;
/** Parts of its time after which it is renewed, and after which who could not renew it must take it for lost. */
const RENEW_PART = 0.2;
const LOST_PART = 0.7;
const GIVEN_BACK = "";

export class Lease {
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #name: string;
  readonly #timeMs: number;

  constructor(connection: NatsConnection, client: JetStreamClient, name: string, timeMs: number) {
    this.#connection = connection;
    this.#client = client;
    this.#name = name;
    this.#timeMs = timeMs;
  }

  /** Whether somebody may hold it now; throws where JetStream does not tell. */
  async isTaken(): Promise<boolean> {
    return !(await this.#last()).isFree;
  }

  /** Works whenever it has the lease, until the signal ends it; gives it back when `work` ends. */
  async hold(signal: AbortSignal, work: (lease: HeldLease) => Promise<void>, logger: Logger): Promise<void> {
    const seen = { sequence: -1, sinceMs: 0 };
    while (!signal.aborted) {
      try {
        const sequence = await this.#tryTake(seen);
        if (sequence !== undefined) await this.#holdOnce(sequence, signal, work, logger);
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ lease: this.#name, error: String(error) }, "what is done with a lease ended early");
      }
      await sleep(this.#timeMs * RENEW_PART, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The place of our message where we have the lease now. */
  async #tryTake(seen: { sequence: number; sinceMs: number }): Promise<number | undefined> {
    const last = await this.#last();
    const nowMs = performance.now();
    if (last.sequence !== seen.sequence) {
      seen.sequence = last.sequence;
      seen.sinceMs = nowMs;
    }
    if (!last.isFree && nowMs - seen.sinceMs < this.#timeMs) return undefined;
    return await this.#replace(last.sequence, "held");
  }

  async #last(): Promise<{ sequence: number; isFree: boolean }> {
    const manager = await jetstreamManager(this.#connection, { checkAPI: false });
    try {
      const message = await manager.streams.getMessage(LEASES.stream, {
        last_by_subj: `${LEASES.prefix}.${this.#name}`,
      });
      if (message === null) return { sequence: 0, isFree: true };
      return { sequence: message.seq, isFree: message.string() === GIVEN_BACK };
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === MESSAGE_NOT_FOUND) return { sequence: 0, isFree: true };
      throw error;
    }
  }

  /** Undefined where somebody else was first. */
  async #replace(lastSequence: number, text: string): Promise<number | undefined> {
    try {
      const { seq } = await this.#client.publish(`${LEASES.prefix}.${this.#name}`, text, {
        expect: { lastSubjectSequence: lastSequence },
      });
      return seq;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return undefined;
      throw error;
    }
  }

  async #holdOnce(
    taken: number,
    signal: AbortSignal,
    work: (lease: HeldLease) => Promise<void>,
    logger: Logger,
  ): Promise<void> {
    const lost = new AbortController();
    const done = new AbortController();
    const held = { sequence: taken, renewedMs: performance.now() };
    const isHeld = (): boolean => !lost.signal.aborted && performance.now() - held.renewedMs < this.#timeMs * LOST_PART;
    const renewing = this.#renew(held, done.signal, isHeld, () => lost.abort(), logger);
    logger.info({ lease: this.#name, term: taken }, "a lease is held");
    try {
      const term = taken.toString(16).padStart(16, "0");
      await work({ term, isHeld, signal: AbortSignal.any([signal, lost.signal]) });
    } finally {
      done.abort();
      await renewing;
      // Who waits for it need not wait until its time is over.
      if (isHeld()) await this.#replace(held.sequence, GIVEN_BACK).catch(() => undefined);
    }
  }

  async #renew(
    held: { sequence: number; renewedMs: number },
    done: AbortSignal,
    isHeld: () => boolean,
    lose: () => void,
    logger: Logger,
  ): Promise<void> {
    while (!done.aborted) {
      await sleep(this.#timeMs * RENEW_PART, undefined, { signal: done }).catch(() => undefined);
      if (done.aborted) return;
      const beganMs = performance.now();
      const next = await this.#replace(held.sequence, "held").catch((error: unknown) => {
        logger.warn({ lease: this.#name, error: String(error) }, "a lease could not be renewed");
        return held.sequence;
      });
      if (next !== undefined && next !== held.sequence) {
        held.sequence = next;
        held.renewedMs = beganMs;
      }
      if (next !== undefined && isHeld()) continue;
      logger.warn({ lease: this.#name }, "a lease is lost");
      lose();
      return;
    }
  }
}

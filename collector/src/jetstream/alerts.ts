/** What is told of alerts: by the detector and the API, to those who watch and those who notify. */
import { type JetStreamClient, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "@hosttrail/lib/log";
import { type Alert, AlertChange } from "@hosttrail/proto/alert";
import { PermanentError, type TakenMessage } from "../model/index.ts";
import { ensureConsumer } from "./ensure.ts";
import { classify } from "./failure.ts";
import { consumeMessages } from "./messages.ts";
import { ALERTS } from "./names.ts";
import { alertConsumer } from "./plan.ts";

/** Of an event in a message beside its bytes: its tag and its length. */
const FRAME_BYTES_MAX = 8;
/** When one who works on a change has died, all others wait so long for it. */
const ACK_WAIT_MAX_MS = 5000;

export class AlertStream {
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #options: { ackWaitMs: number; bytesMax: () => number };

  constructor(
    connection: NatsConnection,
    client: JetStreamClient,
    options: { ackWaitMs: number; bytesMax: () => number },
  ) {
    this.#connection = connection;
    this.#client = client;
    this.#options = options;
  }

  /**
   * Tells a change. The same change told again is no second message, within an hour. Events that make it too large are left out, and
   * `eventsLeftOut` says how many. Errors are retryable or permanent.
   */
  async publishAlert(change: AlertChange): Promise<void> {
    if (change.alert === undefined) throw new PermanentError("a change of no alert", { code: "MESSAGE_REFUSED" });
    const bytes = encodeFitting(change, this.#options.bytesMax());
    const subject = `${ALERTS.prefix}.${change.alert.id}`;
    try {
      await this.#client.publish(subject, bytes, { msgID: changeIdOf(change) });
    } catch (error) {
      throw classify(error, "alert");
    }
  }

  /** Sees changes as they are told: AlertChange. For watching only: nothing is kept for a listener who is away. */
  tapAlerts(take: (bytes: Uint8Array) => void): { close: () => void } {
    const subscription = this.#connection.subscribe(`${ALERTS.prefix}.*`, {
      callback: (error, message) => {
        if (error === null) take(message.data);
      },
    });
    return { close: () => subscription.unsubscribe() };
  }

  /**
   * Shares changes with all others that call this, until the signal ends it: each goes to one of them, in their order, and the next one
   * only when it is settled.
   */
  async consumeAlerts(
    { signal }: { signal: AbortSignal },
    take: (message: TakenMessage) => Promise<void>,
    logger: Logger,
  ): Promise<void> {
    const ackWaitMs = Math.min(this.#options.ackWaitMs, ACK_WAIT_MAX_MS);
    await ensureConsumer(await jetstreamManager(this.#connection), ALERTS.stream, alertConsumer(ackWaitMs));
    await consumeMessages(this.#client, { ...ALERTS, concurrency: 1, signal, ackWaitMs }, take, logger);
  }
}

/** Names a change: what was done with the alert, and how far it was then. The same at each telling, in all processes. */
export function changeIdOf({ kind, alert }: AlertChange): string {
  // Alerts show the newest of their actions, so that their number alone may stay the same.
  const last = alert?.history.at(-1)?.time;
  const done = `${alert?.history.length ?? 0}-${last?.seconds ?? 0n}.${last?.nanos ?? 0}`;
  return `${alert?.id ?? ""}-${kind}-${done}-${alert?.count ?? 0n}`;
}

/** The change in at most `bytesMax`: with the oldest of its events that have room. */
export function encodeFitting(change: AlertChange, bytesMax: number): Uint8Array {
  const whole = AlertChange.encode(change).finish();
  if (whole.length <= bytesMax || change.alert === undefined) return whole;
  const { events } = change.alert;
  const bare = AlertChange.encode(reduced(change, { events: [] })).finish();
  let room = bytesMax - bare.length - 2 * FRAME_BYTES_MAX;
  const kept = events.filter((event) => {
    const size = eventBytes(event);
    if (size > room) return false;
    room -= size;
    return true;
  });
  const bytes = AlertChange.encode(reduced(change, { events: kept })).finish();
  if (bytes.length <= bytesMax) return bytes;
  // What people wrote is in the database; who is notified needs what happened.
  const last = AlertChange.encode(reduced(change, { events: [], history: change.alert.history.slice(-1) })).finish();
  if (last.length <= bytesMax) return last;
  const text = `alert ${change.alert.id} does not fit into a message of NATS, even without its events`;
  throw new PermanentError(text, { code: "MESSAGE_REFUSED" });
}

function reduced(change: AlertChange, parts: Pick<Alert, "events"> & Partial<Pick<Alert, "history">>): AlertChange {
  const { alert } = change;
  if (alert === undefined) return change;
  const eventsLeftOut = change.eventsLeftOut + alert.events.length - parts.events.length;
  return { ...change, alert: { ...alert, ...parts }, eventsLeftOut };
}

function eventBytes(event: Alert["events"][number]): number {
  // An alert of one event is this event, its tag and its length.
  return AlertChange.encode(AlertChange.fromPartial({ alert: { events: [event] } })).finish().length;
}

/** What waits to be delivered by routes, and what is known of them. */
import {
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type StoredMsg,
} from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "@hosttrail/lib/log";
import { AlertChange } from "@hosttrail/proto/alert";
import { QueuedNotification, RouteState, TestedRoute, UndeliveredNotification } from "@hosttrail/proto/notify";
import { RetryableError, type TakenMessage } from "../model/index.ts";
import { ensureConsumer, STREAM_NOT_FOUND } from "./ensure.ts";
import { classify } from "./failure.ts";
import { consumeMessages } from "./messages.ts";
import { ALERTS, consumerOf, QUEUE, STATES, TEST_PREFIX, UNDELIVERED } from "./names.ts";
import { routeConsumer } from "./plan.ts";

/** JetStream's err_codes: no such message, and another message is the last one of the subject by now. */
const MESSAGE_NOT_FOUND = 10_037;
const SEQUENCE_DIFFERS = 10_071;
/** Others change the state of a route at the same time: it is tried again so often. */
const CHANGES_MAX = 50;
const CHANGE_RETRY_MS = 500;

/** A dead letter at its place. */
export interface KeptLetter {
  sequence: number;
  letter: UndeliveredNotification;
}

export class NotificationStream {
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #options: { ackWaitMs: number };
  /** The state of a route as it was last seen here; a change begins from it, and is refused where it is old. */
  readonly #seen = new Map<string, { sequence: number; state: RouteState }>();
  /** One change of a route at a time in this process. */
  readonly #changing = new Map<string, Promise<unknown>>();
  #manager: Promise<JetStreamManager> | undefined;

  constructor(connection: NatsConnection, client: JetStreamClient, options: { ackWaitMs: number }) {
    this.#connection = connection;
    this.#client = client;
    this.#options = options;
  }

  /** Makes what these routes need and is not there. */
  async prepare(routes: readonly string[]): Promise<void> {
    const manager = await this.#managing();
    for (const route of routes)
      await ensureConsumer(manager, QUEUE.stream, routeConsumer(route, this.#options.ackWaitMs));
  }

  /** Lets a notification wait for its route. The same `messageId` again is no second one, within an hour. Errors are retryable. */
  async enqueue(notification: QueuedNotification, alertId: string, messageId: string): Promise<void> {
    const subject = `${QUEUE.prefix}.${notification.route}.${alertId}`;
    try {
      const bytes = QueuedNotification.encode(notification).finish();
      await this.#client.publish(subject, bytes, { msgID: `${messageId} ${notification.route}` });
    } catch (error) {
      throw classify(error, "notification");
    }
  }

  /** Shares what waits for a route with the other processes that have it, until the signal ends it. */
  async consumeRoute(
    route: string,
    options: { concurrency: number; signal: AbortSignal },
    take: (message: TakenMessage) => Promise<void>,
    logger: Logger,
  ): Promise<void> {
    const { ackWaitMs } = this.#options;
    const consumption = { stream: QUEUE.stream, consumer: consumerOf(route), ackWaitMs, ...options };
    await consumeMessages(this.#client, consumption, take, logger);
  }

  /** Whether nothing older about the same alert waits for the same route. */
  async isFirst({ subject, sequence }: Pick<TakenMessage, "subject" | "sequence">): Promise<boolean> {
    const oldest = await this.#message(QUEUE.stream, { seq: 1, next_by_subj: subject });
    return oldest === undefined || oldest.seq >= sequence;
  }

  /** Notifications that wait for a route, those that are being delivered among them. */
  async waiting(route: string): Promise<number> {
    const manager = await this.#managing();
    const info = await manager.consumers.info(QUEUE.stream, consumerOf(route)).catch(() => undefined);
    return info === undefined ? 0 : info.num_pending + info.num_ack_pending;
  }

  /** A change as it was told; undefined where it is not kept any more. */
  async change(sequence: bigint): Promise<AlertChange | undefined> {
    const stored = await this.#message(ALERTS.stream, { seq: Number(sequence) });
    return stored === undefined ? undefined : AlertChange.decode(stored.data);
  }

  async bury(letter: UndeliveredNotification): Promise<void> {
    try {
      const bytes = UndeliveredNotification.encode(letter).finish();
      await this.#client.publish(`${UNDELIVERED.prefix}.${letter.route}`, bytes);
    } catch (error) {
      throw classify(error, "notification");
    }
  }

  /** Dead letters behind a place, the oldest first; of one route or ("") of all. */
  async letters(route: string, after: number, limit: number): Promise<KeptLetter[]> {
    const found: KeptLetter[] = [];
    const subject = `${UNDELIVERED.prefix}.${route === "" ? ">" : route}`;
    for (let next = after + 1; found.length < limit; ) {
      const stored = await this.#message(UNDELIVERED.stream, { seq: next, next_by_subj: subject });
      if (stored === undefined) break;
      found.push({ sequence: stored.seq, letter: UndeliveredNotification.decode(stored.data) });
      next = stored.seq + 1;
    }
    return found;
  }

  async letter(sequence: number): Promise<UndeliveredNotification | undefined> {
    const stored = await this.#message(UNDELIVERED.stream, { seq: sequence });
    return stored === undefined ? undefined : UndeliveredNotification.decode(stored.data);
  }

  async removeLetter(sequence: number): Promise<void> {
    const manager = await this.#managing();
    await manager.streams.deleteMessage(UNDELIVERED.stream, sequence, false);
  }

  /** Names and states of all routes that some process had in the last 30 days. */
  async states(): Promise<Map<string, RouteState>> {
    const states = new Map<string, RouteState>();
    const filter = `${STATES.prefix}.>`;
    for (let next = 1; ; ) {
      const stored = await this.#message(STATES.stream, { seq: next, next_by_subj: filter });
      if (stored === undefined) return states;
      states.set(stored.subject.slice(STATES.prefix.length + 1), RouteState.decode(stored.data));
      next = stored.seq + 1;
    }
  }

  /**
   * Changes what all processes know of a route. `change` gets a copy that it may alter, perhaps several times with what others changed
   * meanwhile; it says what the caller gets. Errors are retryable.
   */
  async changeState<Result>(route: string, change: (state: RouteState) => Result): Promise<Result> {
    const before = this.#changing.get(route) ?? Promise.resolve();
    const changed = before.then(() => this.#changeState(route, change));
    this.#changing.set(
      route,
      changed.catch(() => undefined),
    );
    return await changed;
  }

  async #changeState<Result>(route: string, change: (state: RouteState) => Result): Promise<Result> {
    for (let tries = 0; tries < CHANGES_MAX; tries++) {
      const { sequence, state } = this.#seen.get(route) ?? (await this.#stateOf(route));
      const copy = RouteState.fromPartial(state);
      const result = change(copy);
      const next = await this.#replaceState(route, sequence, copy);
      if (next !== undefined) {
        this.#seen.set(route, { sequence: next, state: copy });
        return result;
      }
      this.#seen.delete(route);
    }
    throw new RetryableError(`the state of route ${route} is changed by too many at once`, CHANGE_RETRY_MS);
  }

  /** The place that it has now; undefined where another process was first. */
  async #replaceState(route: string, lastSubjectSequence: number, state: RouteState): Promise<number | undefined> {
    const bytes = RouteState.encode(state).finish();
    try {
      const expect = { lastSubjectSequence };
      const { seq } = await this.#client.publish(`${STATES.prefix}.${route}`, bytes, { expect });
      return seq;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === SEQUENCE_DIFFERS) return undefined;
      // Whether the server took it is not known.
      this.#seen.delete(route);
      throw classify(error, "notification");
    }
  }

  /** What all processes know of a route. */
  async state(route: string): Promise<RouteState> {
    return (await this.#stateOf(route)).state;
  }

  async #stateOf(route: string): Promise<{ sequence: number; state: RouteState }> {
    const stored = await this.#message(STATES.stream, { last_by_subj: `${STATES.prefix}.${route}` });
    if (stored === undefined) return { sequence: 0, state: RouteState.fromPartial({}) };
    return { sequence: stored.seq, state: RouteState.decode(stored.data) };
  }

  /** Has a process that has this route send a test; undefined where none has it. */
  async askTest(route: string, timeoutMs: number): Promise<TestedRoute | undefined> {
    try {
      const answer = await this.#connection.request(`${TEST_PREFIX}.${route}`, undefined, { timeout: timeoutMs });
      return TestedRoute.decode(answer.data);
    } catch (error) {
      if (error instanceof errors.NoRespondersError) return undefined;
      if (error instanceof errors.RequestError && error.isNoResponders()) return undefined;
      throw new RetryableError(`no answer about route ${route}: ${String(error)}`, CHANGE_RETRY_MS, { cause: error });
    }
  }

  /** Serves askTest. */
  onTest(route: string, test: () => Promise<TestedRoute>): { close: () => void } {
    const subscription = this.#connection.subscribe(`${TEST_PREFIX}.${route}`, {
      queue: "notify",
      callback: (error, message) => {
        if (error !== null) return;
        test().then(
          (tested) => message.respond(TestedRoute.encode(tested).finish()),
          (failure: unknown) =>
            message.respond(TestedRoute.encode({ name: route, delivered: false, error: String(failure) }).finish()),
        );
      },
    });
    return { close: () => subscription.unsubscribe() };
  }

  #managing(): Promise<JetStreamManager> {
    this.#manager ??= jetstreamManager(this.#connection, { checkAPI: false });
    return this.#manager;
  }

  /** A message by its place, the last one of a subject, or the next one of a subject from a place on. */
  async #message(
    stream: string,
    query: { seq: number } | { last_by_subj: string } | { seq: number; next_by_subj: string },
  ): Promise<StoredMsg | undefined> {
    const manager = await this.#managing();
    try {
      // Not as a direct read, which may be behind.
      return (await manager.streams.getMessage(stream, query)) ?? undefined;
    } catch (error) {
      if (error instanceof JetStreamApiError && [STREAM_NOT_FOUND, MESSAGE_NOT_FOUND].includes(error.code))
        return undefined;
      throw classify(error, "notification");
    }
  }
}

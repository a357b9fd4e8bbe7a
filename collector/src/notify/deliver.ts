/** Delivers what waits for one route, one try at a time. All that it must remember is in the streams. */
import type { Logger } from "@hosttrail/lib/log";
import { type AlertChange, Severity } from "@hosttrail/proto/alert";
import { QueuedNotification, type TestedRoute } from "@hosttrail/proto/notify";
import { metrics } from "../metrics/index.ts";
import { RetryableError, type TakenMessage } from "../model/index.ts";
import type { Channel } from "./channel.ts";
import { DeliveryError } from "./failure.ts";
import { changeName, type Notice, millisOf, severityName } from "./notice.ts";
import { heldBackOf, heldTotal, holdBack, markTold, retryDelayMs, takeToken } from "./rate.ts";
import { asksForLabels, hasLabels, type LabelsOf, type RouteConfig } from "./route.ts";
import type { Target } from "./targets/index.ts";

/** While something older about the same alert waits: it is told in its order. */
const ORDER_MS = 1000;
const STREAM_RETRY_MS = 2000;
const POSTPONED_MAX = 10_000;
const ANNOUNCE_MS = 86_400_000;

/** What was held back, and up to which counts that was. */
interface Held {
  notice: Notice["heldBack"];
  upTo: bigint[];
}

export class RouteDelivery {
  readonly #route: RouteConfig;
  readonly #target: Target;
  readonly #channel: Channel;
  readonly #labelsOf: LabelsOf;
  readonly #link: string;
  readonly #logger: Logger;
  /** Those that the streams or the database kept from their first try. */
  readonly #postponed = new Set<number>();

  constructor(
    route: RouteConfig,
    target: Target,
    { channel, labelsOf, link, logger }: { channel: Channel; labelsOf: LabelsOf; link: string; logger: Logger },
  ) {
    this.#labelsOf = labelsOf;
    this.#route = route;
    this.#target = target;
    this.#channel = channel;
    this.#link = link;
    this.#logger = logger;
  }

  /** Makes the route known to the API. */
  async announce(): Promise<void> {
    await this.#channel.changeState(this.#route.name, (state) => {
      state.target = this.#route.target;
      state.address = this.#target.address;
      state.announcedUnixMilli = BigInt(Date.now());
    });
  }

  async take(message: TakenMessage): Promise<void> {
    try {
      await this.#take(message, QueuedNotification.decode(message.bytes));
    } catch (error) {
      // Not the target's failure: nothing is known to have been done.
      this.#logger.warn(
        { route: this.#route.name, error: String(error) },
        "a notification waits for the streams or the database",
      );
      if (message.deliveries === 1) this.#postpone(message.sequence);
      message.retry(error instanceof RetryableError ? error.retryDelayMs : STREAM_RETRY_MS);
    }
  }

  async #take(message: TakenMessage, queued: QueuedNotification): Promise<void> {
    const { name } = this.#route;
    const change = queued.change ?? (queued.summary ? undefined : await this.#channel.change(queued.alertSequence));
    if (change === undefined && !queued.summary) {
      // It waited until the stream of alerts had no room for it any more.
      await this.#hold(queued);
      metrics.notifyHeldBack.inc({ route: name, reason: "lost" });
      return message.ack();
    }
    const isFirstTry = message.deliveries === 1 || this.#postponed.has(message.sequence);
    if (!queued.summary && isFirstTry && !(await this.#isToBeSent(message, queued, change))) return message.ack();
    if (!(await this.#channel.isFirst(message))) return message.retry(ORDER_MS);
    const held = await this.#held();
    // Another message told of it meanwhile.
    if (queued.summary && held.notice === undefined) return message.ack();
    await this.#try(message, queued, change, held);
  }

  async #try(
    message: TakenMessage,
    queued: QueuedNotification,
    change: AlertChange | undefined,
    held: Held,
  ): Promise<void> {
    const began = performance.now();
    let failure: DeliveryError | undefined;
    try {
      await this.#target.deliver(this.#notice(queued, change, held));
    } catch (error) {
      failure = error instanceof DeliveryError ? error : new DeliveryError(String(error));
    }
    metrics.notifySeconds.observe((performance.now() - began) / 1000);
    if (failure === undefined) await this.#succeed(message, held);
    else await this.#fail(message, queued, change, failure);
  }

  /** Asked once, before its first try: what has its place in the limit keeps it over all of its tries. */
  async #isToBeSent(
    message: TakenMessage,
    queued: QueuedNotification,
    change: AlertChange | undefined,
  ): Promise<boolean> {
    const isAdmitted = (await this.#isForUs(queued, change)) ? await this.#isAdmitted(queued) : undefined;
    this.#postponed.delete(message.sequence);
    if (isAdmitted === false) metrics.notifyHeldBack.inc({ route: this.#route.name, reason: "rate" });
    return isAdmitted ?? false;
  }

  /** Whether the alert is about a host with the labels that the route asks for. */
  async #isForUs({ change: again }: QueuedNotification, change: AlertChange | undefined): Promise<boolean> {
    // One that a person sends again was for us before.
    if (again !== undefined || !asksForLabels(this.#route)) return true;
    const ids = (change?.alert?.hosts ?? []).map(({ id }) => id);
    return hasLabels(this.#route, (await this.#labelsOf(ids)).values());
  }

  /** Its first try is still to come. Where this is forgotten, one goes out past the limit. */
  #postpone(sequence: number): void {
    if (this.#postponed.size < POSTPONED_MAX) this.#postponed.add(sequence);
  }

  #isAdmitted(queued: QueuedNotification): Promise<boolean> {
    const { name, rate } = this.#route;
    return this.#channel.changeState(name, (state) => {
      const nowMs = Date.now();
      if (takeToken(state, rate, nowMs)) return true;
      holdBack(state, severityName(queued.severity), nowMs);
      return false;
    });
  }

  #hold({ severity }: QueuedNotification): Promise<void> {
    return this.#channel.changeState(this.#route.name, (state) => holdBack(state, severityName(severity), Date.now()));
  }

  async #held(): Promise<Held> {
    const state = await this.#channel.state(this.#route.name);
    return { notice: heldBackOf(state), upTo: state.held };
  }

  async #succeed(message: TakenMessage, held: Held): Promise<void> {
    const { name } = this.#route;
    const nowMs = Date.now();
    await this.#channel.changeState(name, (state) => {
      state.delivered += 1n;
      state.deliveredUnixMilli = BigInt(nowMs);
      if (held.notice !== undefined) markTold(state, held.upTo, nowMs);
    });
    metrics.notifyDeliveries.inc({ route: name, result: "delivered" });
    message.ack();
  }

  async #fail(
    message: TakenMessage,
    queued: QueuedNotification,
    change: AlertChange | undefined,
    failure: DeliveryError,
  ): Promise<void> {
    const { name, retry } = this.#route;
    const nowMs = Date.now();
    const ageMs = nowMs - Number(queued.queuedUnixMilli);
    const isDead = failure.isPermanent || ageMs >= retry.giveUpMs;
    const reason = failure.message;
    this.#logger.warn({ route: name, id: queued.id, reason, isDead }, "a notification was not delivered");
    // What only tells of what was held back is made anew from what is held back then.
    if (isDead && change !== undefined)
      await this.#channel.bury({ route: name, id: queued.id, change, reason, timeUnixMilli: BigInt(nowMs) });
    await this.#channel.changeState(name, (state) => {
      state.failed += 1n;
      if (isDead) state.dead += 1n;
      state.lastError = reason;
      state.lastErrorUnixMilli = BigInt(nowMs);
    });
    metrics.notifyDeliveries.inc({ route: name, result: isDead ? "dead" : "failed" });
    if (isDead) message.ack();
    else message.retry(retryDelayMs(retry, ageMs, failure.retryAfterMs, Math.random()));
  }

  #notice(queued: QueuedNotification, change: AlertChange | undefined, { notice: heldBack }: Held): Notice {
    const alert = change?.alert;
    return {
      id: queued.id,
      kind: change === undefined ? "held_back" : (changeName(change) ?? "updated"),
      timeMs: change === undefined ? Number(queued.queuedUnixMilli) : millisOf(change.time),
      actor: change?.actor ?? "",
      eventsLeftOut: change?.eventsLeftOut ?? 0,
      link: alert === undefined || this.#link === "" ? "" : `${this.#link}${encodeURIComponent(alert.id)}`,
      ...(alert === undefined ? {} : { alert }),
      ...(heldBack === undefined ? {} : { heldBack }),
    };
  }

  /** Where nothing was held back for a while, and nothing went out that would have told of what was: has it told by itself. */
  async summarize(): Promise<void> {
    const { name, rate } = this.#route;
    const nowMs = Date.now();
    const state = await this.#channel.state(name);
    // A state that nobody writes is forgotten one day, and the route with it.
    if (nowMs - Number(state.announcedUnixMilli) > ANNOUNCE_MS) await this.announce();
    if (nowMs - Number(state.heldUnixMilli) < rate.summaryMs || heldBackOf(state) === undefined) return;
    const id = `held-back-${name}-${heldTotal(state)}`;
    const notification = {
      id,
      route: name,
      alertSequence: 0n,
      change: undefined,
      severity: Severity.UNSPECIFIED,
      queuedUnixMilli: BigInt(nowMs),
      summary: true,
    };
    await this.#channel.enqueue(notification, "summary", id);
  }

  /** Once, past the limit. */
  async test(): Promise<TestedRoute> {
    const { name } = this.#route;
    const timeMs = Date.now();
    const notice: Notice = {
      id: `test-${name}-${timeMs}`,
      kind: "test",
      timeMs,
      actor: "",
      eventsLeftOut: 0,
      link: "",
    };
    try {
      await this.#target.deliver(notice);
      return { name, delivered: true, error: "" };
    } catch (error) {
      return { name, delivered: false, error: error instanceof Error ? error.message : String(error) };
    }
  }
}

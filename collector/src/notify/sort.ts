/** Puts each change of an alert where it waits for the routes that want it. Never waits for a target. */
import type { Logger } from "@hosttrail/lib/log";
import { AlertChange, Severity } from "@hosttrail/proto/alert";
import { metrics } from "../metrics/index.ts";
import { RetryableError, StreamFullError, type TakenMessage } from "../model/index.ts";
import type { Channel } from "./channel.ts";
import { changeName, severityName, type SeverityName } from "./notice.ts";
import { holdBack } from "./rate.ts";
import { isWanted, type RouteConfig } from "./route.ts";

const RETRY_MS = 2000;
/** How old the number of waiting notifications may be; those that were put there since are counted on top. */
const WAITING_AGE_MS = 1000;

export class Sorter {
  readonly #routes: readonly RouteConfig[];
  readonly #channel: Channel;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, { count: number; readMs: number }>();

  constructor(routes: readonly RouteConfig[], channel: Channel, logger: Logger) {
    this.#routes = routes;
    this.#channel = channel;
    this.#logger = logger;
  }

  async take(message: TakenMessage): Promise<void> {
    try {
      const result = await this.#sort(message);
      metrics.notifyChanges.inc({ result });
      message.ack();
    } catch (error) {
      this.#logger.warn({ error: String(error), subject: message.subject }, "a change of an alert waits to be routed");
      message.retry(error instanceof RetryableError ? error.retryDelayMs : RETRY_MS);
    }
  }

  async #sort(message: TakenMessage): Promise<"routed" | "unwanted" | "silenced" | "malformed"> {
    const change = decoded(message.bytes);
    const name = change === undefined ? undefined : changeName(change);
    if (change?.alert === undefined || name === undefined) {
      this.#logger.error({ subject: message.subject }, "a change of an alert cannot be read");
      return "malformed";
    }
    const { alert } = change;
    if (alert.silencedBy !== "") return "silenced";
    // Labels are looked at by the route: the database may not answer, and others do not wait for it.
    const wanted = this.#routes.filter((route) => isWanted(route, name, alert));
    await Promise.all(wanted.map((route) => this.#put(route, change, message)));
    return wanted.length > 0 ? "routed" : "unwanted";
  }

  async #put({ name, waitingMax }: RouteConfig, change: AlertChange, message: TakenMessage): Promise<void> {
    const { alert } = change;
    if (alert === undefined) return;
    const severity = severityName(alert.rule?.severity);
    if ((await this.#waitingAt(name)) >= waitingMax) return await this.#hold(name, severity);
    const id = notificationId(change);
    const notification = {
      id,
      route: name,
      alertSequence: BigInt(message.sequence),
      change: undefined,
      severity: alert.rule?.severity ?? Severity.UNSPECIFIED,
      queuedUnixMilli: BigInt(Date.now()),
      summary: false,
    };
    try {
      await this.#channel.enqueue(notification, alert.id, id);
    } catch (error) {
      if (error instanceof StreamFullError) return await this.#hold(name, severity);
      throw error;
    }
    const known = this.#waiting.get(name);
    if (known !== undefined) known.count++;
  }

  async #hold(route: string, severity: SeverityName): Promise<void> {
    await this.#channel.changeState(route, (state) => holdBack(state, severity, Date.now()));
    metrics.notifyHeldBack.inc({ route, reason: "queue" });
  }

  async #waitingAt(route: string): Promise<number> {
    const known = this.#waiting.get(route);
    const nowMs = performance.now();
    if (known !== undefined && nowMs - known.readMs < WAITING_AGE_MS) return known.count;
    const count = await this.#channel.waiting(route);
    this.#waiting.set(route, { count, readMs: nowMs });
    metrics.notifyWaiting.set({ route }, count);
    return count;
  }
}

/** Of a change, the same at each telling; letters, digits and dashes, so that it is a word in every header. */
function notificationId({ kind, alert }: AlertChange): string {
  const id = (alert?.id ?? "").replaceAll(/[^A-Za-z0-9-]/g, "-").slice(0, 100);
  return `${id}-${kind}-${alert?.history.length ?? 0}-${alert?.count ?? 0n}`;
}

function decoded(bytes: Uint8Array): AlertChange | undefined {
  try {
    return AlertChange.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Puts each change of an alert where it waits for the routes that want it. Never waits for a target. */
import type { Logger } from "@hosttrail/lib/log";
import { AlertChange, Severity } from "@hosttrail/proto/alert";
import { metrics } from "../metrics/index.ts";
import { RetryableError, type TakenMessage } from "../model/index.ts";
import type { Channel } from "./channel.ts";
import { changeName, severityName } from "./notice.ts";
import { holdBack } from "./rate.ts";
import { asksForLabels, isWanted, type Labels, type RouteConfig } from "./route.ts";

/** Labels of hosts, those of hosts that are known. */
export type LabelsOf = (hostIds: readonly string[]) => Promise<ReadonlyMap<string, Labels>>;

const RETRY_MS = 2000;
/** How old the number of waiting notifications may be; those that were put there since are counted on top. */
const WAITING_AGE_MS = 1000;

export class Sorter {
  readonly #routes: readonly RouteConfig[];
  readonly #channel: Channel;
  readonly #labelsOf: LabelsOf;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, { count: number; readMs: number }>();

  constructor(routes: readonly RouteConfig[], channel: Channel, labelsOf: LabelsOf, logger: Logger) {
    this.#routes = routes;
    this.#channel = channel;
    this.#labelsOf = labelsOf;
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
    // Routes by labels come last: the database may not answer.
    const [byLabel, plain] = split(this.#routes, asksForLabels);
    const wanted = plain.filter((route) => isWanted(route, name, alert, []));
    for (const route of wanted) await this.#put(route, change, message);
    const candidates = byLabel.filter((route) => isWanted({ match: { ...route.match, labels: {} } }, name, alert, []));
    if (candidates.length === 0) return wanted.length > 0 ? "routed" : "unwanted";
    const known = await this.#labelsOf(alert.hosts.map(({ id }) => id));
    const labels = alert.hosts.map(({ id }) => known.get(id) ?? {});
    const matching = candidates.filter((route) => isWanted(route, name, alert, labels));
    for (const route of matching) await this.#put(route, change, message);
    return wanted.length + matching.length > 0 ? "routed" : "unwanted";
  }

  async #put({ name, waitingMax }: RouteConfig, change: AlertChange, message: TakenMessage): Promise<void> {
    const { alert } = change;
    if (alert === undefined) return;
    const severity = severityName(alert.rule?.severity);
    if ((await this.#waitingAt(name)) >= waitingMax) {
      await this.#channel.changeState(name, (state) => holdBack(state, severity, Date.now()));
      metrics.notifyHeldBack.inc({ route: name, reason: "queue" });
      return;
    }
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
    await this.#channel.enqueue(notification, alert.id, id);
    const known = this.#waiting.get(name);
    if (known !== undefined) known.count++;
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

function split<Item>(items: readonly Item[], is: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(is), items.filter((item) => !is(item))];
}

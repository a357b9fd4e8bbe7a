/** Tells people and programs of alerts: changes are sorted to routes, and each route delivers on its own. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import { AddressGuard } from "./address.ts";
import type { Changes, Channel } from "./channel.ts";
import { RouteDelivery } from "./deliver.ts";
import type { LabelsOf, RouteConfig } from "./route.ts";
import { Sorter } from "./sort.ts";
import { openTarget } from "./targets/index.ts";

export { NotifyApi } from "./api.ts";

export interface NotifyOptions {
  /** Before an alert's id, where people see it; empty for no links. */
  link: string;
  /** Networks of this machine and of the operator that targets may be in. */
  allowAddresses: readonly string[];
  routes: readonly RouteConfig[];
}

const TICK_MS = 5000;
const PREPARE_RETRY_MS = 2000;

export class Notifier {
  readonly #changes: Changes;
  readonly #channel: Channel;
  readonly #sorter: Sorter;
  readonly #deliveries: readonly { route: RouteConfig; delivery: RouteDelivery }[];
  readonly #logger: Logger;

  /** Throws where a route's files cannot be used. */
  constructor(changes: Changes, channel: Channel, labelsOf: LabelsOf, options: NotifyOptions, logger: Logger) {
    const { routes, link } = options;
    const guard = new AddressGuard(options.allowAddresses);
    this.#changes = changes;
    this.#channel = channel;
    this.#logger = logger;
    this.#sorter = new Sorter(routes, channel, logger);
    this.#deliveries = routes.map((route) => ({
      route,
      delivery: new RouteDelivery(route, openTarget(route, guard), { channel, labelsOf, link, logger }),
    }));
  }

  /** Works until the signal ends it, and ends what is under way. Without routes there is nothing to do. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#deliveries.length === 0 || !(await this.#prepared(signal))) return;
    const tests = this.#deliveries.map(({ route, delivery }) =>
      this.#channel.onTest(route.name, () => delivery.test()),
    );
    await Promise.all([
      this.#again(signal, () =>
        this.#changes.consumeAlerts({ signal }, (message) => this.#sorter.take(message), this.#logger),
      ),
      ...this.#deliveries.map(({ route, delivery }) =>
        this.#again(signal, () =>
          this.#channel.consumeRoute(
            route.name,
            { concurrency: route.concurrency, signal },
            (message) => delivery.take(message),
            this.#logger,
          ),
        ),
      ),
      this.#tick(signal),
    ]);
    for (const test of tests) test.close();
  }

  /** False where the signal came first. */
  async #prepared(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      try {
        await this.#channel.prepare(this.#deliveries.map(({ route }) => route.name));
        for (const { delivery } of this.#deliveries) await delivery.announce();
        return true;
      } catch (error) {
        this.#logger.warn({ error: String(error) }, "the streams of notifications are not ready");
        await sleep(PREPARE_RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    return false;
  }

  /** Whatever ends it but the signal: it begins again. */
  async #again(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await work();
      } catch (error) {
        this.#logger.warn({ error: String(error) }, "notifying was interrupted");
        await sleep(PREPARE_RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const ticks = Math.min(TICK_MS, ...this.#deliveries.map(({ route }) => route.rate.summaryMs));
    while (!signal.aborted) {
      for (const { route, delivery } of this.#deliveries) {
        await delivery.summarize().catch((error: unknown) => {
          this.#logger.warn({ route: route.name, error: String(error) }, "what was held back cannot be told yet");
        });
      }
      await sleep(ticks, undefined, { signal }).catch(() => undefined);
    }
  }
}

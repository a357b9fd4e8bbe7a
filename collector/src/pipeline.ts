/**
 * The collector's whole way: receive -> [JetStream] -> store -> [arrivals] -> compact -> [history] -> query, and from [JetStream] also
 * match -> [matches] -> raise -> [alerts] -> notify; beside it, enroll gives hosts their identity. Each step belongs to a role (roles/), and
 * each role runs alone or with others: what they share is here, and how they start and end.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import { historySource } from "./archives.ts";
import { type Change, type CollectorConfig, changeOf } from "./config/index.ts";
import { endWithin } from "./ending.ts";
import { Probe, Readiness, type Report } from "./health/index.ts";
import { History } from "./history/index.ts";
import { BlockStream } from "./jetstream/index.ts";
import { metrics, serveMetrics } from "./metrics/index.ts";
import { Archive } from "./mongodb/index.ts";
import {
  databaseOptions,
  natsOptions,
  type OneRole,
  openApi,
  type OpenApi,
  ROLES,
  rolesOf,
  type RunningRole,
} from "./roles/index.ts";
import { COLLECTOR_VERSION } from "./version.ts";

const PREPARE_RETRY_MS = 2000;
/** Of the time for an end: as much for callers to go elsewhere, until then for calls that go on; the rest is for work on what has come. */
const DRAIN_SHARE = 0.6;
const CALLS_SHARE = 0.8;
/** Connections are given back within this time, or left. */
const CLOSE_MS = 1000;

export interface RunningCollector {
  /** Stops intake, settles what is under way, closes. Safe twice. */
  stop(): Promise<void>;
  /** Takes what may change of another configuration; gives the keys that it took, and those that wait for a restart. */
  retune(wanted: CollectorConfig): Pick<Change<CollectorConfig>, "applied" | "waiting">;
}

/** Starts the roles; throws where one cannot start, and then nothing is left running. */
export async function startCollector(config: CollectorConfig, logger: Logger): Promise<RunningCollector> {
  let live = config;
  const readiness = new Readiness(rolesOf(config));
  // First of all: whoever waits for us sees that we wait for others.
  const metricsServer = await serveMetrics(config.metrics.listen, () => tellReadiness(readiness));
  metrics.collectorInfo.set({ version: COLLECTOR_VERSION }, 1);
  const stream = await BlockStream.open(natsOptions(config), logger);
  const archive = Archive.open(databaseOptions(config), (problem) => {
    logger.warn({ problem }, "the database cannot be reached");
  });
  const history = new History(historySource(archive), { payloadBytesKept: config.query.cacheBytes });
  const reach = {
    nats: new Probe("nats", () => stream.ping()),
    database: new Probe("database", () => archive.ping()),
  };
  const stopping = new AbortController();
  void prepare(archive, stopping.signal, logger);
  const running = new Map<OneRole, RunningRole>();
  const parts = {
    config,
    live: () => live,
    stream,
    archive,
    history,
    reach,
    signal: stopping.signal,
    logger,
  };
  let opened: Promise<OpenApi> | undefined;
  const shared = { ...parts, api: () => (opened ??= openApi(parts)) };

  const stop = async (): Promise<void> => {
    const roles = [...running.values()];
    readiness.stop();
    const deadlineMs = live.shutdownDeadlineMs;
    const beganMs = performance.now();
    const left = (share: number): number => Math.max(0, beganMs + deadlineMs * share - performance.now());
    for (const { server } of roles) server?.shut();
    await Promise.all(
      roles.map(async (role) => {
        await role.drain?.(deadlineMs * DRAIN_SHARE);
        role.close?.();
        await role.server?.stop(left(CALLS_SHARE));
      }),
    );
    stopping.abort();
    await Promise.all([...running].map(([name, { work }]) => endWithin(name, Promise.resolve(work), left(1), logger)));
    const release = Promise.all(roles.map(async (role) => await role.release?.()));
    await endWithin("what roles hold", release, CLOSE_MS, logger);
    await endWithin("the connection to NATS", stream.close(), CLOSE_MS, logger);
    await endWithin("the connection to the database", archive.close(), CLOSE_MS, logger);
    metricsServer?.close();
    logger.info("collector stopped");
  };

  try {
    for (const name of rolesOf(config)) {
      const role = await ROLES[name](shared);
      if (role === undefined) readiness.forget(name);
      else {
        running.set(name, role);
        readiness.runs(name, role.needs);
      }
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const ports = Object.fromEntries([...running].flatMap(([name, { server }]) => (server ? [[name, server.port]] : [])));
  logger.info({ roles: config.roles, ports }, "collector started");
  let stopped: Promise<void> | undefined;
  return {
    stop: () => (stopped ??= stop()),
    retune(wanted) {
      const { config: next, applied, waiting } = changeOf(live, wanted);
      live = next;
      logger.level = next.logLevel;
      return { applied, waiting };
    },
  };
}

/** The same as metrics. */
async function tellReadiness(readiness: Readiness): Promise<Report> {
  const report = await readiness.look();
  for (const [role, state] of Object.entries(report.roles)) metrics.roleReady.set({ role }, state === "ready" ? 1 : 0);
  return report;
}

/** The database may come later than we, and what must be in it later still, where others make it. */
async function prepare(archive: Archive, signal: AbortSignal, logger: Logger): Promise<void> {
  while (!signal.aborted) {
    try {
      const missing = await archive.prepare();
      if (missing.length === 0) return;
      logger.error({ missing }, "mongodb.manage is false, and not all is there: run hosttrail-collector mongodb apply");
      await sleep(PREPARE_RETRY_MS, undefined, { signal }).catch(() => undefined);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error: String(error) }, "indexes cannot be made yet");
      await sleep(PREPARE_RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

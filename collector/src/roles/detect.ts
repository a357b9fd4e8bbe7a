/**
 * Detection's part of the way: [JetStream] -> match -> [matches] -> raise -> [alerts]. Any number of processes match; one of them raises.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import { findingSource, ruleStore } from "../archives.ts";
import { LedgerWatch } from "../ledger/index.ts";
import { Matcher } from "../match/index.ts";
import { Probe } from "../health/index.ts";
import { metrics } from "../metrics/index.ts";
import { dayRange } from "../mongodb/index.ts";
import { Look, Past, Raiser } from "../raise/index.ts";
import { HostLabels, readManaged, RuleWatch } from "../rulebook/index.ts";
import { tellLag } from "./lag.ts";
import { scanSource } from "../scan/index.ts";
import { ledgerPast } from "./ledger.ts";
import type { RunningRole, Shared } from "./role.ts";

const LEASE = "raise";
const MINUTE_MS = 60_000;
const PREPARE_RETRY_MS = 2000;

export function startDetect(shared: Shared): RunningRole {
  const { stream, config, reach } = shared;
  const consumer = new Probe("consumer", () => stream.matches.assertConsumer());
  const lease = new Probe("lease", () => stream.lease(LEASE, config.detect.leaseMs).isTaken());
  return { needs: [reach.nats, reach.database, consumer, lease], work: runDetection(shared) };
}

/** Works until the signal ends it. */
async function runDetection({ stream, archive, history, config, signal, logger }: Shared): Promise<void> {
  const { detect, ingest } = config;
  // From now on blocks wait for us.
  const awayMs = detect.awayMinutes * MINUTE_MS;
  const isNew = await untilDone(() => stream.matches.prepareMatching(awayMs), signal, logger);
  if (isNew === undefined) return;
  if (isNew) {
    logger.warn("detection begins here: blocks that came before are not looked at");
    // Where it had been there before, people are told.
    const nowMs = Date.now();
    await untilDone(() => archive.detector.noteGap(nowMs), signal, logger);
  }
  const rules = new RuleWatch(ruleStore(archive), readManaged(), logger);
  await rules.begin(signal);
  const told = stream.onRules(() => rules.nudge());
  const labels = new HostLabels(async (hostId) => (await archive.identities.getIdentity(hostId))?.labels);
  const hostOf = (hostId: string) => labels.hostOf(hostId);
  const matcher = new Matcher(
    {
      consume: (options, take, log) => stream.consume(options, take, log),
      publishMatches: (hostId, bytes, id) => stream.matches.publishMatches(hostId, bytes, id),
      publishLooked: (bytes) => stream.matches.publishLooked(bytes),
      messageBytesMax: () => stream.blockBytesMax,
    },
    rules,
    hostOf,
    detect,
    logger,
  );
  const windowMs = detect.windowMinutes * MINUTE_MS;
  const limits = {
    windowMs,
    silentMs: detect.silentMinutes * MINUTE_MS,
    clockOffsetMs: ingest.clockOffsetWarnMs,
  };
  const raiser = new Raiser(
    {
      feed: {
        hold: (until, work, log) => stream.lease(LEASE, detect.leaseMs).hold(until, work, log),
        followMatches: (options, take, log) => stream.matches.followMatches(options, take, log),
        forgetMatches: (upTo) => stream.matches.forgetMatches(upTo),
        matchesRange: () => stream.matches.matchesRange(),
        newestBlocks: () => stream.matches.newestBlocks(),
        areStored: (newest) => stream.matches.areStored(newest),
        areMatched: (newest) => stream.matches.areMatched(newest),
        publishMatches: (hostId, bytes, id) => stream.matches.publishMatches(hostId, bytes, id),
        publishLooked: (bytes) => stream.matches.publishLooked(bytes),
        messageBytesMax: () => stream.blockBytesMax,
        publishAlert: (change) => stream.alerts.publishAlert(change),
      },
      archive: {
        saveState: (state, term) => archive.detector.saveState(state, term),
        loadState: () => archive.detector.loadState(),
        putAlerts: (records) => archive.alerts.putAlerts(records),
        getAlerts: (ids) => archive.alerts.getAlerts(ids),
        getWorks: (ids) => archive.alertWork.getWorks(ids),
        changeWork: (id, decide) => archive.alertWork.changeWork(id, decide),
        putHidden: (id, count) => archive.suppressions.putHidden(id, count),
        listTrails: (afterId, limit) => archive.hosts.listTrails(afterId, limit),
        listGaps: () => archive.detector.listGaps(),
        noteLost: (range, nowMs) => archive.detector.noteLost(range, nowMs),
      },
      rules,
      history: new Past(
        {
          begin: (query) => history.begin(query),
          dayRange,
          mayMatch: (unit, question) => history.mayMatch(unit, question),
          open: (unit) => history.open(unit),
          find: (hostId, epoch, seq) => history.find(hostId, epoch, seq),
        },
        rules,
        hostOf,
        logger,
      ),
      hostOf,
      newLook: () => {
        const ledgers = new LedgerWatch({
          ...ledgerPast({ archive, stream }, scanSource(history, dayRange)),
          listHosts: (afterId, limit) => archive.hosts.listHosts(afterId, limit, undefined),
        });
        return new Look(
          findingSource(archive, (nowMs) => ledgers.look(nowMs, signal)),
          limits,
          logger,
        );
      },
    },
    { ...detect, windowMs },
    logger,
  );
  const gauges = { blocks: metrics.detectLagBlocks, seconds: metrics.detectLagSeconds };
  const endLag = tellLag("detection", stream.matches, gauges, logger);
  try {
    await Promise.all([rules.run(signal), matcher.run(signal), raiser.run(signal)]);
  } finally {
    endLag();
    told.close();
  }
}

/** Tries again until it is done; undefined where we are to end. */
async function untilDone<Answer>(
  act: () => Promise<Answer>,
  signal: AbortSignal,
  logger: Logger,
): Promise<Answer | undefined> {
  while (!signal.aborted) {
    try {
      return await act();
    } catch (error) {
      logger.warn({ error: String(error) }, "detection cannot begin yet");
      await sleep(PREPARE_RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

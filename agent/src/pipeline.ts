/** The agent's whole way: source -> reassemble -> decode -> enrich -> block -> spool -> ship. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { condenseRecords, nativeArch } from "@hosttrail/lib/audit";
import { openBlock, parseBlock, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { makePrivateDirectory, readSecretFile } from "@hosttrail/lib/files";
import type { Logger } from "@hosttrail/lib/log";
import type { AgentStatus } from "@hosttrail/proto/ingest";
import { BlockBuilder } from "./block/index.ts";
import type { AgentConfig } from "./config/index.ts";
import { decode } from "./decode/index.ts";
import { Enricher, readBootId } from "./enrich/index.ts";
import { type EventKey, Journal } from "./journal/index.ts";
import { KernelAudit, notifyManager } from "./kernel/index.ts";
import { SerialGaps } from "./ledger/index.ts";
import type { RecordGroup } from "./model/index.ts";
import { Reassembler } from "./reassemble/index.ts";
import { compileRules, KernelHold } from "./rules/index.ts";
import { Shipper } from "./ship/index.ts";
import { openSource, type Source } from "./source/index.ts";
import { Spool } from "./spool/index.ts";

/** Version of this agent, as blocks and logs name it. */
export const AGENT_VERSION = "0.1.0";
const EXPIRE_INTERVAL_MS = 250;

export interface RunningAgent {
  /** Settles when a file source is read to its end. */
  finished: Promise<void>;
  status(): AgentStatus;
  /** Stops intake, flushes, waits for the collector within the deadline, releases. Safe twice. */
  stop(): Promise<void>;
}

/** Starts all steps; throws where one cannot start. */
export function startAgent(config: AgentConfig, logger: Logger): RunningAgent {
  makePrivateDirectory(config.stateDirectory);
  makePrivateDirectory(config.runtimeDirectory);
  const bootId = readBootId();
  const key = readSecretFile(config.collector.keyFile);
  const sign = signerOf(key);
  const spool = new Spool({ ...config.spool, directory: `${config.stateDirectory}/spool`, bootId }, (event, detail) =>
    logger[event === "evicted" ? "warn" : "error"](detail, `spool: ${event}`),
  );
  const gaps = new SerialGaps();
  let events = 0;
  let unspooled = 0;
  let failures = 0;
  let kernelLost = 0;

  const shipper = new Shipper(
    {
      ...config.collector,
      ca: readFileSync(config.collector.caFile, "utf8"),
      certificate: readFileSync(config.collector.certificateFile, "utf8"),
      key,
      hello: () => ({
        hostId: config.hostId,
        hostName: hostname(),
        agentVersion: AGENT_VERSION,
        bootId,
        epoch: spool.position.epoch,
      }),
      status,
    },
    spool,
    logger,
  );
  const builder = new BlockBuilder({
    lingerMs: config.block.lingerMs,
    seal: (batch) => {
      const { epoch, nextSeq: firstSeq, previousHeaderSha256 } = spool.position;
      const place = { hostId: config.hostId, epoch, firstSeq, bootId, previousHeaderSha256 };
      return sealBlock(batch, { ...place, agentVersion: AGENT_VERSION, flags: 0 }, nodePrimitives, sign);
    },
    append: (block) => {
      try {
        shipper.offer(spool.append(block));
      } catch (error) {
        // The disk is full or gone. The number is not used up, so the trail shows no gap; the loss is counted.
        unspooled += block.header.count;
        logger.error({ events: block.header.count, error: String(error) }, "a block cannot be spooled: events lost");
      }
      const { position, beyond } = journal.spooled(block.header.count, reassembler.oldestPosition ?? source.position());
      source.commit(position, beyond);
    },
  });
  const local = config.source.mode !== "file";
  const enricher = new Enricher({ hostId: config.hostId, bootId, labels: config.labels, local });
  const take = (group: RecordGroup): void => {
    const key = { timeMs: group.seconds * 1000 + group.milliseconds, serial: group.serial };
    if (journal.isKnown(key)) return;
    const { event, words, executed } = decode(group);
    enricher.enrich(event, executed, performance.now());
    if (event.audit !== undefined) event.audit.records = condenseRecords(event, words);
    events++;
    journal.add(key, group.records[0]?.position ?? 0);
    builder.add(
      event,
      group.records.reduce((sum, record) => sum + record.text.length, 0),
    );
  };
  const accept = (group: RecordGroup): void => {
    gaps.see(group.serial);
    try {
      take(group);
    } catch (error) {
      // Our own mistake: it must not end the agent, which would meet the same records again.
      failures++;
      const types = group.records.map((record) => record.type);
      logger.error(
        { serial: group.serial, types, error: String(error) },
        "an event could not be processed: it is lost",
      );
    }
  };
  const kernel = local ? new KernelAudit() : undefined;
  const hold = kernel && new KernelHold(kernel, config.stateDirectory);
  const ringPath = `${config.runtimeDirectory}/ring`;
  const source: Source = openSource({ ...config.source, ringPath, bootId }, (record) =>
    reassembler.push(record, performance.now()),
  );
  const reassembler = new Reassembler({ ...config.reassemble, endOfEventExpected: source.endOfEventExpected }, accept);
  const journal = new Journal([...source.spooledBefore(), ...eventKeys(spool.lastBlock)]);
  try {
    if (hold !== undefined) prepareKernel(config, hold, source, logger);
  } catch (error) {
    void source.close(true);
    hold?.release();
    throw error;
  }
  const expiry = setInterval(() => reassembler.expire(performance.now()), EXPIRE_INTERVAL_MS);
  shipper.start();
  if (local) notifyManager("READY=1");
  logger.info({ source: source.name, epoch: spool.position.epoch.toString(16) }, "agent started");

  function status(): AgentStatus {
    try {
      kernelLost = kernel?.status().lost ?? 0;
    } catch (error) {
      logger.warn({ error: String(error) }, "the kernel did not tell its audit status");
    }
    const { parseFailures, overruns } = source.counters();
    const { blocks, evictedEvents } = spool.counters();
    return {
      source: source.name,
      kernelLost: BigInt(kernelLost),
      serialGaps: BigInt(gaps.missing),
      parseFailures: BigInt(parseFailures + failures),
      events: BigInt(events),
      blocksSpooled: BigInt(shipper.counters.blocksStored + blocks),
      blocksStored: BigInt(shipper.counters.blocksStored),
      blocksPending: BigInt(blocks),
      eventsEvicted: BigInt(evictedEvents + unspooled),
      receiveBufferOverruns: BigInt(overruns),
    };
  }

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    const release = config.audit.onStop === "release";
    if (release) hold?.releaseRules();
    await source.close(release);
    // Last, since the kernel notices a closed socket when it has something to say: that a setting changed.
    if (release) hold?.release();
    clearInterval(expiry);
    reassembler.flush(source.endOfEventExpected ? "end" : "");
    builder.flush();
    await shipper.close(config.shutdownDeadlineMs);
    spool.close();
    logger.info({ ...shipper.counters, events }, "agent stopped");
  };
  return {
    finished: source.finished.then(() => {
      reassembler.flush("");
      builder.flush();
    }),
    status,
    stop: () => (stopped ??= stop()),
  };
}

/** The events of a block: an earlier life may have spooled it and ended before it told the source. */
function eventKeys(block: Uint8Array | undefined): EventKey[] {
  if (block === undefined) return [];
  const { time, serial } = openBlock(parseBlock(block), nodePrimitives).columns;
  return Array.from(time, (timeNano, index) => ({ timeMs: Number(timeNano / 1_000_000n), serial: serial[index] ?? 0 }));
}

/** Switches audit on and puts our rules in. Settings of a foreign daemon are left alone. */
function prepareKernel(config: AgentConfig, hold: KernelHold, source: Source, logger: Logger): void {
  const { audit } = config;
  const own = source.name === "netlink-unicast" ? { backlogWaitTime: 0, backlogLimit: audit.backlogLimit } : {};
  hold.applySettings({ ...own, ...(audit.enable ? { enabled: 1 } : {}) });
  if (audit.rulesFiles.length === 0) return;
  const arch = nativeArch(process.arch);
  if (arch === undefined) throw new Error(`audit rules are not known for the architecture ${process.arch}`);
  const rules = audit.rulesFiles.flatMap((file) => compileRules(readFileSync(file, "utf8"), file, arch));
  const added = hold.applyRules(rules);
  logger.info({ rules: rules.length, added }, "audit rules are loaded");
}

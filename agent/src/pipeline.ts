/** The agent's whole way: source -> reassemble -> redact -> decode -> enrich -> integrity -> block -> spool -> ship. */
import { readFileSync, statSync } from "node:fs";
import { hostname, setPriority } from "node:os";
import {
  FLAG_CANARY,
  FLAG_ENDING,
  FLAG_GOING_DOWN,
  FLAG_GOODBYE,
  FLAG_URGENT,
  openBlock,
  parseBlock,
  sealEncoded,
} from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { makePrivateDirectory } from "@hosttrail/lib/files";
import type { Logger } from "@hosttrail/lib/log";
import type { AgentStatus, HostProfile } from "@hosttrail/proto/ingest";
import { BlockBuilder, type Lane } from "./block/index.ts";
import type { AgentConfig } from "./config/index.ts";
import { openControl, type Question } from "./control/index.ts";
import { keysOf } from "./decode/index.ts";
import { Enricher, readBootId, whyNoHostRoot } from "./enrich/index.ts";
import { Governor, type Priority, priorityOf } from "./governor/index.ts";
import { openIdentity } from "./identity/index.ts";
import { Integrity } from "./integrity/index.ts";
import { BEYOND_MAX, type EventKey, Journal, type Stretch } from "./journal/index.ts";
import { giveMemoryBack, KernelAudit, native, notifyManager, tellManager } from "./kernel/index.ts";
import { imbalances, Ledger, SerialGaps, type Snapshot } from "./ledger/index.ts";
import { Lifetime, systemState } from "./lifetime/index.ts";
import { Ending, EndWatch } from "./notice/index.ts";
import { EventMaker } from "./make/index.ts";
import type { Made, RawRecord, RecordGroup, Repetition, Stamp } from "./model/index.ts";
import { Expiry, Reassembler } from "./reassemble/index.ts";
import { profileOf } from "./profile/index.ts";
import { readKey, Redactor } from "./redact/index.ts";
import { type Report, reportEvent } from "./report/index.ts";
import { KernelHold, readRules, RuleKeeper, rulesSha256 } from "./rules/index.ts";
import { Shipper } from "./ship/index.ts";
import { openSource, type Source, type SourceFault } from "./source/index.ts";
import { isBlockKey, type QuarantineSummary, rangesText, ReturnError, Spool, spoolOf } from "./spool/index.ts";

/** Put in by whoever makes a package. */
declare const HOSTTRAIL_VERSION: string | undefined;
/** Version of this agent, as blocks and logs name it. */
export const AGENT_VERSION: string = typeof HOSTTRAIL_VERSION === "undefined" ? "0.1.0" : HOSTTRAIL_VERSION;
/** What a host may use as a nonce of its canary. */
const NONCE = /^[0-9a-f]{32}$/;
/** Blocks of the quarantine that one question may send: the agent does nothing else meanwhile. */
const KEYS_MAX = 16;
/** How loud the log is about what happens in the spool. */
const SPOOL_LEVEL = {
  corrupt: "error",
  evicted: "warn",
  quarantined: "error",
  returned: "info",
  discarded: "error",
  unsynced: "error",
  unremoved: "warn",
} as const;
/** Counts of the ledger that make a minute a failure. */
const LOST = ["kernelLost", "serialGaps", "unreadFiles", "evicted", "discarded"] as const;
/** The file that names the fleet's spec has one line. */
const SPEC_BYTES_MAX = 4096;
/** Program text that was needed to start is given back after so long. */
const FIRST_PAGE_OUT_MS = 15_000;

/** Below this there is little to give back. */
const LEAN_BYTES = 32 * 1024 * 1024;

export interface RunningAgent {
  /** Settles when a source comes to its end: a file, or auditd's feed. */
  finished: Promise<void>;
  /** Settles when this identity is another machine's: the agent must start anew. */
  renounced: Promise<void>;
  /** Reads the rule files again and applies them. */
  reload(): void;
  /** Stops intake, says goodbye with the reason, flushes, waits for the collector within the deadline, releases. Safe twice. */
  stop(reason: string): Promise<void>;
}

/** An event on its way to a block. */
interface Ready {
  made: Made;
  key: EventKey;
  at: Stretch;
}

/** Starts all steps; throws where one cannot start. */
export function startAgent(config: AgentConfig, logger: Logger): RunningAgent {
  const blind = whyNoHostRoot(config.hostRoot);
  if (blind !== undefined) throw new Error(blind);
  makePrivateDirectory(config.stateDirectory);
  makePrivateDirectory(config.runtimeDirectory);
  const { budget, audit } = config;
  const local = config.source.mode !== "file";
  const hasKernel = local && config.source.mode !== "none";
  if (budget.cpus.length > 0) native().setAffinity(budget.cpus);
  if (budget.nice !== 0) setPriority(budget.nice);
  const bootId = readBootId();
  const identity = openIdentity(config, { hostName: hostname(), bootId }, logger);
  const { hostId } = identity;
  const sign = signerOf(identity.key);
  const spool = new Spool({ ...config.spool, directory: spoolOf(config), bootId }, (event, detail) =>
    logger[SPOOL_LEVEL[event]](detail, `spool: ${event}`),
  );
  const startMs = Date.now();
  const gaps = new SerialGaps();
  const counts = { events: 0, repeated: 0, shed: 0, failed: 0, own: 0, accepted: 0 };
  let kernelLost = 0;
  /** A canary is on its way into the next block. */
  let hasCanary = false;
  /** Flags of the block that the goodbye is on its way into. */
  let goodbyeFlags = 0;

  const renounced = Promise.withResolvers<void>();
  const shipper = new Shipper(
    {
      ...config.collector,
      credentials: () => identity.credentials(),
      trust: (pem) => identity.trust(pem),
      onCloned: () => {
        identity.renounce();
        renounced.resolve();
      },
      hello: () => ({
        hostId,
        hostName: hostname(),
        agentVersion: AGENT_VERSION,
        bootId,
        epoch: spool.position.epoch,
        clockTime: clockTime(),
      }),
      status: agentStatus,
      profile: hostProfile,
    },
    spool,
    logger,
  );
  const builder = new BlockBuilder({
    lingerMs: config.block.lingerMs,
    retryMs: config.spool.retryMs,
    seal: (batch) => {
      const { epoch, nextSeq: firstSeq, previousHeaderSha256 } = spool.position;
      const place = { hostId, epoch, firstSeq, bootId, previousHeaderSha256 };
      const endingFlags = ending.isAnnounced ? FLAG_ENDING | FLAG_URGENT : 0;
      const flags = (hasCanary ? FLAG_CANARY | FLAG_URGENT : 0) | endingFlags | goodbyeFlags;
      return sealEncoded(batch, { ...place, agentVersion: AGENT_VERSION, flags }, nodePrimitives, sign);
    },
    append: (block, lane) => {
      shipper.offer(spool.append(block, lane));
      const open = Math.min(
        reassembler.oldestPosition ?? source.position(),
        integrity.oldestPosition ?? Number.POSITIVE_INFINITY,
      );
      const { position, beyond } = journal.spooled(block.header.count, open, lane);
      source.commit(position, beyond);
      // More than the source can remember: what they wait for is given up.
      if (beyond.length > BEYOND_MAX) {
        reassembler.flush("timeout");
        integrity.flush();
      }
    },
    onStuck: (error) => {
      if (error === undefined) logger.info("the spool takes blocks again");
      else logger.error({ error: messageOf(error) }, "a block cannot be spooled: it is tried again, and events wait");
    },
    onRoom: () => source.resume(),
  });
  const redactor = new Redactor({
    ...config.redact,
    key: readKey(config.redact.keyFile, `${config.stateDirectory}/redact.key`),
  });
  const enricher = new Enricher({
    hostId,
    bootId,
    labels: config.labels,
    local,
    root: config.hostRoot,
    ...config.enrich,
    redact: (args) => redactor.arguments(args),
    onTags: (now, before) => {
      const fields = { tags: tagsText(now), before: tagsText(before) };
      report({ action: "changed-cloud-tags", name: "TAGS", outcome: "success", fields });
    },
  });
  const maker = new EventMaker({ redactor, enricher, priorities: audit.priorities });
  const integrity = new Integrity<Ready>(
    { ...config.integrity, root: config.hostRoot, ...(hasKernel ? {} : { paths: [] }) },
    add,
  );
  const governor = new Governor(budget, usage, performance.now(), {
    memory: () => {
      enricher.shrink();
      maker.shrink();
      source.shrink();
      giveMemoryBack();
    },
    level: (level, cpuPercent, memoryBytes) => {
      const fields = { level, cpu_percent: Math.round(cpuPercent), memory_bytes: memoryBytes };
      logger.warn(fields, "the governor changed what is left out");
      report({ action: "changed-governor-level", name: "GOVERNOR", outcome: "success", fields });
    },
  });

  function add({ made, key, at }: Ready): void {
    const lane: Lane = made.priority === "low" ? "low" : "normal";
    counts.accepted++;
    journal.add(key, at, lane);
    builder.add(made.event, made.recordBytes, lane);
    if (builder.isFull) source.pause();
  }

  function report(about: Report): void {
    const event = reportEvent(about, Date.now());
    enricher.enrich(event, false, performance.now());
    counts.own++;
    counts.accepted++;
    journal.addOwn("normal");
    builder.add(event, 0, "normal");
  }

  /** True for an event that an earlier life has spooled. */
  function isRepeated(key: EventKey, at: Stretch): boolean {
    if (!journal.isKnown(key, at)) return false;
    counts.repeated++;
    return true;
  }

  /** True for an event that the budget has no room for. */
  function isShed(priority: Priority): boolean {
    if (governor.admits(priority)) return false;
    counts.shed++;
    return true;
  }

  function take(group: RecordGroup): void {
    const key = keyOf(group);
    const at = stretchOf(group);
    if (isRepeated(key, at)) return;
    if (!governor.isCalm(nowMs) && isShed(priorityOf(keysOf(group), audit.priorities))) return;
    const made = maker.make(group, nowMs);
    const ready = { made, key, at };
    if (integrity.holds(made.event, ready, at.first, nowMs)) return;
    add(ready);
    if (!integrity.concerns(made.event)) maker.remember(group, made, nowMs);
  }

  function accept(group: RecordGroup): void {
    counts.events++;
    try {
      take(group);
    } catch (error) {
      fail({ serial: group.serial, types: group.records.map(({ type }) => type) }, error);
    }
  }

  function takeAgain(repetition: Repetition, made: Made): void {
    const key = keyOf(repetition);
    // No record of another event is between its own: where one is before a commit, all are.
    const at = { first: repetition.position, last: repetition.position };
    if (isRepeated(key, at) || (!governor.isCalm(nowMs) && isShed(made.priority))) return;
    maker.keep(made);
    add({ made, key, at });
  }

  /** The same as `accept` for an event whose shape came before; false where its records are needed. */
  function acceptAgain(repetition: Repetition, arrivedMs: number): boolean {
    const made = maker.repeat(repetition, arrivedMs);
    if (made === undefined || !reassembler.pass(repetition)) return false;
    nowMs = arrivedMs;
    gaps.see(repetition);
    counts.events++;
    try {
      takeAgain(repetition, made);
    } catch (error) {
      fail({ serial: repetition.serial }, error);
    }
    return true;
  }

  /** Our own mistake: it must not end the agent, which would meet the same records again. */
  function fail(which: { serial: number; types?: number[] }, error: unknown): void {
    counts.failed++;
    logger.error({ ...which, error: String(error) }, "an event could not be processed: it is lost");
  }

  const kernel = hasKernel ? new KernelAudit(config.hostRoot) : undefined;
  const hold = kernel && new KernelHold(kernel, config.stateDirectory);
  const ringPath = `${config.runtimeDirectory}/ring`;
  /** When the last record came. */
  let nowMs = performance.now();
  function push(record: RawRecord, arrivedMs: number): void {
    nowMs = arrivedMs;
    // An event that waits for the rest of its records is not missing.
    gaps.seeRecord(record);
    reassembler.push(record, arrivedMs);
    expiry.watch();
  }
  /** What is missing of a file stands in the trail, too; single lines only in the log. */
  function tellUnread({ file, offset, line, reason, isLoss }: SourceFault): void {
    logger[isLoss ? "warn" : "info"]({ file, offset, line }, `source: ${reason}`);
    if (!isLoss || line !== undefined) return;
    const fields = { file, offset: offset ?? "", reason };
    report({ action: "missed-source-data", name: "SOURCE", outcome: "failure", fields });
  }
  const source: Source = openSource({ ...config.source, ringPath, bootId }, push, acceptAgain, tellUnread);
  const reassembler = new Reassembler({ ...config.reassemble, endOfEventExpected: source.endOfEventExpected }, accept);
  const expiry = new Expiry(reassembler, config.reassemble.timeoutMs, () => source.hasUnread());
  // What only the newest block tells is told to the source as well: after the next block it would be told by nobody.
  const spooledBefore = [...eventKeys(spool.lastBlock), ...source.spooledBefore()];
  source.commit(source.position(), spooledBefore);
  const journal = new Journal(spooledBefore, source.readBeforeTo);

  const ending = new Ending({
    announce: ({ by, action, timeMs }) => {
      logger.warn({ by, action, time_ms: timeMs }, "the end of this host is announced: all goes out at once");
      const fields = { by, action, end_ms: timeMs ?? "" };
      report({ action: "announced-end", name: "END", outcome: "success", fields });
      hurry(true);
    },
    withdraw: () => {
      logger.info("the end of this host is announced no more");
      report({ action: "withdrew-end", name: "END", outcome: "success", fields: {} });
      shipper.takeTime();
    },
    tick: () => hurry(false),
  });

  /** What there is goes out, and with it what becomes of the rest. */
  function hurry(isForced: boolean): void {
    shipper.hurry();
    tellLedger(isForced);
    builder.flush();
  }

  const ruleFiles = { files: audit.rulesFiles, directory: audit.rulesDirectory, root: config.hostRoot };
  const keeper =
    hold &&
    new RuleKeeper(
      hold,
      () => readRules({ ...ruleFiles, ownPid: audit.excludeSelf ? process.pid : 0 }),
      audit.manage === "auto",
    );
  try {
    if (hold !== undefined) prepareKernel(config, hold, source);
  } catch (error) {
    void source.close(true);
    hold?.release();
    throw error;
  }
  // A file that is read to its end is of another host's life.
  const lifetime = local ? new Lifetime(config.stateDirectory, bootId, startMs) : undefined;
  if (lifetime !== undefined) tellStart(lifetime);
  checkRules("loaded-audit-rules");
  tellRuleErrors();

  /** The first event of a run: how the one before it ended. */
  function tellStart({ previous }: Lifetime): void {
    const { end, startMs, endMs } = previous;
    const times = { previous_start_ms: startMs ?? "", previous_end_ms: endMs ?? "" };
    report({
      action: "started-agent",
      name: "START",
      outcome: "success",
      fields: { previous_run: end, ...times, source: source.name, version: AGENT_VERSION },
    });
    attempt("keep that this run began", () => lifetime?.begin());
  }

  /** The last event of a run. What is kept on disk from now on says that it ended in order. */
  async function tellStop(ending: Lifetime, reason: string): Promise<void> {
    const system = await systemState();
    goodbyeFlags = FLAG_GOODBYE | FLAG_URGENT | (system === "going-down" ? FLAG_GOING_DOWN : 0);
    const rules = hold === undefined ? "none" : audit.onStop === "release" ? "released" : "kept";
    report({
      action: "stopped-agent",
      name: "STOP",
      outcome: "success",
      fields: { reason, system, audit_rules: rules, start_ms: startMs, version: AGENT_VERSION },
    });
    builder.flush();
    if (builder.pending === 0) attempt("keep that this run ended", () => ending.end(Date.now(), system));
  }

  /** Lines that are no rules, and so protect nothing. */
  function tellRuleErrors(): void {
    const { rules, errors, notes } = keeper?.compiled ?? { rules: [], errors: [], notes: [] };
    for (const { file, line, reason } of errors) logger.error({ file, line, reason }, "an audit rule is left out");
    for (const { file, line, reason } of notes)
      logger.info({ file, line, reason }, "a line of a rule file, read as told");
    logger.info({ rules: rules.length, errors: errors.length }, "rule files are read");
  }

  /** Looks whether the kernel has our rules, and tells where it did not. */
  function checkRules(action: "loaded-audit-rules" | "found-audit-rules-changed"): void {
    const drift = keeper?.check();
    if (drift === undefined) return;
    const { added, removed, refused, failure } = drift;
    for (const { file, line, source: rule, reason } of refused) {
      logger.error({ file, line, rule, reason }, "the kernel refuses an audit rule");
    }
    if (failure !== "") logger.error({ failure }, "audit rules are not as they should be");
    else logger.info({ added: added.length, removed: removed.length }, "audit rules are loaded");
    const outcome = failure === "" && refused.length === 0 ? "success" : "failure";
    report({
      action,
      name: "RULES",
      outcome,
      fields: { added: added.join("; "), removed: removed.join("; "), refused: refused.length, failure },
    });
  }

  const ledger = new Ledger(snapshot, snapshot(), Date.now());
  const minute = setInterval(() => {
    checkRules("found-audit-rules-changed");
    tellLedger(false);
    shipper.tellProfile();
  }, config.ledgerIntervalMs);
  const pageOut = pageOutTimer(config.pageOutIntervalMs);
  const control = openControl(config.runtimeDirectory, answer);
  shipper.start();
  const watch = new EndWatch({
    mode: local ? config.enrich.cloud : "none",
    endpoint: config.enrich.imdsEndpoint,
    intervalMs: config.notice.intervalMs,
    see: (by, said) => ending.see(by, said),
  });
  notifyManager("READY=1");
  const watchdog = tellManager();
  logger.info({ source: source.name, epoch: spool.position.epoch.toString(16) }, "agent started");

  /** Where something happened since the last time, and at the end of a run. What it says of numbers is of the same moment as its counts. */
  function tellLedger(isLast: boolean): void {
    const changes = ledger.take(Date.now(), isLast);
    if (changes === undefined) return;
    const { epoch, nextSeq } = spool.position;
    const lost = LOST.reduce((sum, name) => sum + (changes[name] ?? 0), 0);
    const fields = {
      ...changes,
      epoch: epoch.toString(16),
      next_seq: nextSeq,
      evicted_ranges: rangesText(spool.takeEvicted()),
      kept_ranges: rangesText(spool.keptRanges()),
      quarantined_ranges: rangesText(spool.quarantinedRanges()),
      unbalanced: imbalances(ledger.now()).length,
    };
    report({ action: "reported-ledger", name: "LEDGER", outcome: lost > 0 ? "failure" : "success", fields });
  }

  function snapshot(): Snapshot {
    try {
      kernelLost = kernel?.status().lost ?? 0;
    } catch (error) {
      logger.warn({ error: String(error) }, "the kernel did not tell its audit status");
    }
    const { records, parseFailures, foreign, overruns, unreadFiles } = source.counters();
    const kept = spool.counters();
    return {
      kernelLost,
      serialGaps: gaps.missing,
      overruns,
      records,
      unreadable: parseFailures + foreign,
      unreadFiles,
      ...counts,
      partial: reassembler.counters.partial,
      late: reassembler.counters.late,
      redacted: redactor.count,
      found: kept.foundEvents,
      spooled: kept.appendedEvents,
      stored: kept.storedEvents,
      evicted: kept.evictedEvents,
      returned: kept.returnedEvents,
      quarantined: kept.quarantinedEvents,
      discarded: kept.discardedEvents,
      held: integrity.held,
      pending: builder.pending,
      inSpool: kept.events,
      sent: shipper.counters.eventsSent,
      received: shipper.counters.eventsReceived,
    };
  }

  function agentStatus(): AgentStatus {
    const now = snapshot();
    const { blocks } = spool.counters();
    const quarantined = spool.quarantined();
    return {
      source: source.name,
      kernelLost: BigInt(now.kernelLost),
      serialGaps: BigInt(now.serialGaps),
      parseFailures: BigInt(now.unreadable + now.failed),
      events: BigInt(now.events),
      blocksSpooled: BigInt(shipper.counters.blocksStored + blocks),
      blocksStored: BigInt(shipper.counters.blocksStored),
      blocksPending: BigInt(blocks),
      eventsEvicted: BigInt(now.evicted),
      receiveBufferOverruns: BigInt(now.overruns),
      quarantinedBlocks: BigInt(quarantined.blocks),
      quarantinedBytes: BigInt(quarantined.bytes),
    };
  }

  /** What this host is set up to do, as it is now. */
  function hostProfile(): HostProfile {
    const problem = `source.mode is ${config.source.mode}: what this kernel has loaded says nothing of its events`;
    return profileOf({ auditRules: keeper?.loaded() ?? { problem }, spec: readSpec(config.specFile) });
  }

  /** Makes an event by which somebody can see that events of this host arrive. */
  function emitCanary(nonce: string): Record<string, string> {
    if (!NONCE.test(nonce)) throw new Error("the nonce must be 32 lower case hex digits");
    const fields = {
      nonce,
      version: AGENT_VERSION,
      rules_sha256: rulesSha256(keeper?.compiled ?? readRules({ ...ruleFiles, ownPid: 0 })),
    };
    hasCanary = true;
    report({ action: "proved-arrival", name: "CANARY", outcome: "success", fields });
    builder.flush();
    // Where the disk refuses, the block is sealed already or will be: with its flag.
    hasCanary = builder.pending > 0;
    return { host_id: hostId, ...fields };
  }

  async function canaryOf(nonce: string): Promise<Record<string, string> | undefined> {
    const canary = await shipper.getCanary(nonce);
    if (canary === undefined) return undefined;
    const { hostId: host, eventId, agentVersion, rulesSha256: rules } = canary;
    return { hostId: host, eventId, agentVersion, rulesSha256: rules };
  }

  /** Sends blocks of the quarantine again; tells of each that cannot be sent why. */
  function sendQuarantined(keys: unknown): { sent: string[]; refused: { key: string; reason: string }[] } {
    if (!Array.isArray(keys) || keys.length === 0 || keys.length > KEYS_MAX || !keys.every(isBlockKey)) {
      throw new Error(`keys must be 1 to ${KEYS_MAX} names of blocks: <epoch>-<first number>, each 16 hex digits`);
    }
    const sent: string[] = [];
    const refused: { key: string; reason: string }[] = [];
    for (const key of keys) {
      try {
        shipper.offer(spool.putBack(key));
        sent.push(key);
      } catch (error) {
        refused.push({ key, reason: messageOf(error) });
        if (!(error instanceof ReturnError))
          logger.error({ block: key, error: messageOf(error) }, "cannot put it back");
      }
    }
    return { sent, refused };
  }

  /** This host ends soon, somebody says: tells the first number that is not handed out yet. */
  function announceEnd(): Record<string, string> {
    const isKnown = ending.isAnnounced;
    ending.see("command", { action: "end", timeMs: undefined });
    if (isKnown) hurry(true);
    const { epoch, nextSeq } = spool.position;
    return { epoch: epoch.toString(16), nextSeq: nextSeq.toString(16) };
  }

  /** Of the numbers below this one of an epoch, and of all earlier epochs: what is here and not stored. */
  function countKept(epoch: string, nextSeq: string): { blocks: number; events: number } {
    const seqs = [epoch, nextSeq].map((text) => (/^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined));
    const [wanted, end] = seqs;
    if (wanted === undefined || end === undefined) throw new Error("epoch and nextSeq must be hex digits");
    const kept = { blocks: 0, events: builder.isStuck ? builder.pending : 0 };
    for (const block of spool.blocks) {
      if (block.epoch === wanted && block.firstSeq >= end) continue;
      kept.blocks++;
      kept.events += block.count;
    }
    return kept;
  }

  function answer(question: Question): unknown {
    switch (question.ask) {
      case "status":
        return status();
      case "emit-canary":
        return emitCanary(question.nonce);
      case "get-canary":
        return canaryOf(question.nonce);
      case "send-quarantined":
        return sendQuarantined(question.keys);
      case "announce-end":
        return announceEnd();
      case "count-kept":
        return countKept(question.epoch, question.nextSeq);
      default:
        throw new Error("the agent knows no such question; is the program of another version than the agent?");
    }
  }

  /** What `hosttrail-agent status` shows. */
  function status(): Record<string, unknown> {
    const now = snapshot();
    return {
      version: AGENT_VERSION,
      pid: process.pid,
      host_id: hostId,
      certificate_expires: identity.expireTime() ?? "none yet",
      epoch: spool.position.epoch.toString(16),
      source: { name: source.name, ...source.counters() },
      collector: shipper.connection,
      shipped: shipper.counters,
      spool: { bytes: spool.counters().bytes, blocks: spool.counters().blocks, refuses: builder.isStuck },
      quarantine: quarantineStatus(spool.quarantined()),
      integrity: { held: integrity.held, skipped: integrity.skipped, unlearned: integrity.unlearned },
      truncated: builder.truncated,
      rules: keeper?.state(),
      end: { announced: ending.notices, asked: watch.counters },
      governor: { level: governor.level, cpu_percent: governor.cpuPercent, ...usage() },
      ledger: now,
      imbalances: imbalances(now),
    };
  }

  /** One step of the end that fails must not keep the others from being done. */
  function attempt(what: string, step: () => unknown): void {
    try {
      step();
    } catch (error) {
      logger.error({ error: messageOf(error) }, `cannot ${what}`);
    }
  }

  let stopped: Promise<void> | undefined;
  const stop = async (reason: string): Promise<void> => {
    const release = audit.onStop === "release";
    if (release) attempt("take the audit rules back", () => hold?.releaseRules());
    await source.close(release);
    // Last, since the kernel notices a closed socket when it has something to say: that a setting changed.
    if (release) attempt("give audit's settings back", () => hold?.release());
    watch.close();
    ending.close();
    for (const timer of [minute, pageOut, watchdog]) clearInterval(timer);
    expiry.stop();
    reassembler.flush(source.endOfEventExpected ? "end" : "");
    integrity.flush();
    builder.flush();
    if (lifetime !== undefined) {
      tellLedger(true);
      await tellStop(lifetime, reason);
    }
    await shipper.close(config.shutdownDeadlineMs);
    const lost = builder.close();
    if (lost > 0)
      logger.error({ events: lost }, "events could not be spooled: they come again from the ring, if it outlives us");
    control.close();
    identity.close();
    enricher.close();
    spool.close();
    logger.info({ ...shipper.counters, ...counts }, "agent stopped");
  };
  return {
    finished: source.finished.then(() => {
      reassembler.flush("");
      integrity.flush();
      builder.flush();
    }),
    renounced: renounced.promise,
    reload: () => {
      // What others changed until now is told by the rules as they were.
      checkRules("found-audit-rules-changed");
      keeper?.reload();
      checkRules("loaded-audit-rules");
      tellRuleErrors();
      shipper.tellProfile();
    },
    stop: (reason) => (stopped ??= stop(reason)),
  };
}

function keyOf({ seconds, milliseconds, serial }: Omit<Stamp, "node">): EventKey {
  return { timeMs: seconds * 1000 + milliseconds, serial };
}

function stretchOf({ records }: RecordGroup): Stretch {
  return { first: records[0]?.position ?? 0, last: records.at(-1)?.position ?? 0 };
}

/** What whoever set this host up has left; empty where there is nothing, or nothing that is a line. */
function readSpec(path: string): string {
  try {
    const about = path === "" ? undefined : statSync(path);
    return about?.isFile() === true && about.size <= SPEC_BYTES_MAX ? readFileSync(path, "utf8") : "";
  } catch {
    return "";
  }
}

function tagsText(tags: readonly { key: string; value: string }[]): string {
  return tags.map(({ key, value }) => `${key}=${value}`).join("; ");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error);
}

function usage(): { cpuMs: number; memoryBytes: number } {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, memoryBytes: process.memoryUsage.rss() };
}

/** The events of a block: an earlier life may have spooled it and ended before it told the source. */
function eventKeys(block: Uint8Array | undefined): EventKey[] {
  if (block === undefined) return [];
  const { time, serial } = openBlock(parseBlock(block), nodePrimitives).columns;
  return Array.from(time, (timeNano, index) => ({ timeMs: Number(timeNano / 1_000_000n), serial: serial[index] ?? 0 }));
}

/** Switches audit on and sets what an audit daemon sets. Settings of a foreign daemon are left alone. */
function prepareKernel({ audit }: AgentConfig, hold: KernelHold, source: Source): void {
  if (audit.manage === "never") return;
  const own = source.name === "netlink-unicast" ? { backlogWaitTime: 0, backlogLimit: audit.backlogLimit } : {};
  hold.applySettings({ ...own, ...(audit.enable ? { enabled: 1 } : {}) });
}

/** Gives program text back soon after the start, and again as it gathers. */
function pageOutTimer(intervalMs: number): NodeJS.Timeout | undefined {
  if (intervalMs === 0) return undefined;
  setTimeout(giveMemoryBack, FIRST_PAGE_OUT_MS).unref();
  return setInterval(() => {
    if (process.memoryUsage.rss() > LEAN_BYTES) giveMemoryBack();
  }, intervalMs);
}

function quarantineStatus({ sinceMs, reasons, ...counts }: QuarantineSummary): Record<string, unknown> {
  return { ...counts, since: sinceMs === undefined ? "" : new Date(sinceMs).toISOString(), reasons };
}

/** This machine's clock, for the collector to compare with its own. */
function clockTime(): { seconds: bigint; nanos: number } {
  const nowMs = Date.now();
  return { seconds: BigInt(Math.floor(nowMs / 1000)), nanos: (nowMs % 1000) * 1_000_000 };
}

/**
 * Checks trails from their stored bytes: [arrivals] and [history], the hosts' documents and the log -> verdicts and evidence. See
 * proto/hosttrail/v1/verify.proto for what each method means.
 */
import type { X509Certificate } from "node:crypto";
import { status } from "@grpc/grpc-js";
import type { Logger } from "@hosttrail/lib/log";
import { isHostId } from "@hosttrail/lib/block";
import { certificatesOf } from "@hosttrail/lib/tls";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import {
  ExportEvidenceRequest,
  type ExportEvidenceResponse,
  type VerifyServiceServer,
  VerifyTrailRequest,
  type VerifyTrailResponse,
} from "@hosttrail/proto/verify";
import { budgetOf, nanosOf, type TimeRange, type Turns } from "../ask/index.ts";
import { MovedError } from "../history/index.ts";
import { metrics } from "../metrics/index.ts";
import type { Budget } from "../scan/index.ts";
import { type Gate, invalidField, serviceError, type Sink, type Visit } from "../serve/index.ts";
import { sendEvidence } from "./evidence.ts";
import { type HostResult, type Prepared, prepare, type Question, verifyHost } from "./host.ts";
import { hostsOf, type HostSource, unknownHost } from "./hosts.ts";
import { verdictMessage } from "./message.ts";
import { HOSTS_TOGETHER } from "./shelf.ts";
import type { KeptSource, LoggedTrails } from "./source.ts";

export { openLoggedTrails } from "./log.ts";
export type { KeptSource, LoggedTrails } from "./source.ts";

/** What the step needs of others. */
export interface VerifySource extends HostSource {
  kept: KeptSource;
  turns: Turns;
  /** The most that checking one host may take. */
  most: Budget;
  /** What the log says of hosts; undefined where there is none. Throws where there is one and it cannot be read. */
  openLog: (hostIds: readonly string[] | undefined) => Promise<LoggedTrails | undefined>;
  /** Authorities whose certificates are believed, PEM: also those that have been replaced since. */
  authorities: () => string;
  collectorVersion: string;
}

const TIME_MIN = -(1n << 63n);
const TIME_MAX = (1n << 63n) - 1n;
/** Progress is told so often. */
const PROGRESS_MS = 250;

/** What is the same for all hosts of a call. */
interface Shared extends Pick<Question, "range" | "budget" | "authorities" | "signal"> {
  /** As in Question, of all hosts. */
  log: LoggedTrails | string | undefined;
}

export class VerifyApi {
  readonly #source: VerifySource;
  readonly #gate: Gate;
  readonly #logger: Logger;

  constructor(source: VerifySource, gate: Gate, logger: Logger) {
    this.#source = source;
    this.#gate = gate;
    this.#logger = logger;
  }

  /** The methods as grpc-js wants them. */
  get methods(): VerifyServiceServer {
    return {
      verifyTrail: this.#gate.stream<VerifyTrailRequest, VerifyTrailResponse>(
        VerifyTrailRequest,
        async (request, visit, sink) => await untilLeft(sink, this.#verify(request, visit, sink)),
      ),
      exportEvidence: this.#gate.stream<ExportEvidenceRequest, ExportEvidenceResponse>(
        ExportEvidenceRequest,
        async (request, visit, sink) => await untilLeft(sink, this.#export(request, visit, sink)),
      ),
    };
  }

  async #verify(request: VerifyTrailRequest, visit: Visit, sink: Sink<VerifyTrailResponse>): Promise<void> {
    const range = rangeOf(request);
    const shared = await this.#shared(request, range, sink.signal, undefined);
    const { log, ...common } = shared;
    const about = { visit, range, logged: typeof log === "object" ? log : undefined };
    const hostIds = await hostsOf(this.#source, request.hosts, about);
    if (typeof log === "object") {
      const consistencyProof = (await log.consistencyProof(request.seenLogSize)).map((hash) => Buffer.from(hash));
      await sink.write({ answer: { $case: "checkpoint", value: { note: log.checkpoint, consistencyProof } } });
    }
    const progress = progressOf(sink, hostIds.length);
    for (let at = 0; at < hostIds.length; at += HOSTS_TOGETHER) {
      const some = hostIds.slice(at, at + HOSTS_TOGETHER);
      const prepared = await prepare(this.#source.kept, some);
      for (const [index, hostId] of some.entries()) {
        const own = prepared.get(hostId);
        // What the caller may see can change while it is checked.
        if (own === undefined || !sink.isVisible(hostId)) continue;
        const tell = (done: number, all: number): Promise<void> => progress(at + index, done, all);
        const logged = await loggedOf(log, hostId);
        const result = await this.#one({ ...common, logged, hostId, progress: tell }, own, visit, sink.signal);
        const proofs = typeof logged === "object" ? logged.proofs : [];
        await sink.write({ answer: { $case: "host", value: verdictMessage(result, proofs) } });
        sink.results++;
      }
    }
  }

  /** One host is one question: others have their turn in between. */
  async #one(question: Question, prepared: Prepared, visit: Visit, signal: AbortSignal): Promise<HostResult> {
    const { turns, kept } = this.#source;
    const result = await turns.take(visit, signal, () => explained(verifyHost(kept, question, prepared)));
    this.#tell(result);
    return result;
  }

  #tell({ hostId, verdict, findings }: HostResult): void {
    metrics.verifiedHosts.inc({ verdict: verdict.replace(" ", "_") });
    if (verdict !== "altered") return;
    const [worst] = findings;
    this.#logger.error({ host: hostId, reason: worst?.reason, subject: worst?.subject }, "a trail was altered");
  }

  async #export(request: ExportEvidenceRequest, visit: Visit, sink: Sink<ExportEvidenceResponse>): Promise<void> {
    const { hostId } = request;
    if (!isHostId(hostId)) throw invalidField("host_id", hostId, "32 lower case hex digits");
    const range = rangeOf(request);
    const shared = await this.#shared(request, range, sink.signal, [hostId]);
    const { log, ...common } = shared;
    const isKnown = new Set([...(await this.#source.knownHosts()), ...(typeof log === "object" ? log.hostIds() : [])]);
    if (!isKnown.has(hostId) || visit.hosts?.has(hostId) === false) throw unknownHost(hostId);
    const { kept, turns, collectorVersion, authorities } = this.#source;
    const checkpoint = typeof log === "object" ? log.checkpoint : undefined;
    const about = { collectorVersion, authorities: authorities(), checkpoint };
    const logged = await loggedOf(log, hostId);
    const result = await turns.take(visit, sink.signal, () =>
      explained(sendEvidence(kept, { ...common, logged, hostId }, about, sink)),
    );
    this.#tell(result);
  }

  async #shared(
    { budget }: Pick<VerifyTrailRequest, "budget">,
    range: TimeRange,
    signal: AbortSignal,
    hostIds: readonly string[] | undefined,
  ): Promise<Shared> {
    const { openLog, authorities, most } = this.#source;
    const asked = budgetOf(budget, most);
    // First of all: what the log names was stored before.
    let log: Shared["log"];
    try {
      log = await openLog(hostIds);
    } catch (error) {
      log = unreadable(error);
    }
    const trusted: X509Certificate[] = certificatesOf(authorities());
    return { range, budget: asked, authorities: trusted, log, signal };
  }
}

async function loggedOf(log: Shared["log"], hostId: string): Promise<Question["logged"]> {
  if (typeof log !== "object") return log;
  try {
    return await log.of(hostId);
  } catch (error) {
    return unreadable(error);
  }
}

function unreadable(error: unknown): string {
  return `the log cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

/** Work that ended since the caller left has failed for that alone. */
async function untilLeft(sink: Pick<Sink<never>, "throwIfEnded">, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    sink.throwIfEnded();
    throw error;
  }
}

/** What moves faster than it can be read is to be asked for again. */
async function explained<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof MovedError)) throw error;
    const message = "what is kept of the host was moved again and again while it was read; ask again";
    throw serviceError(status.ABORTED, "HISTORY_MOVED", message, {}, 1000);
  }
}

function rangeOf({
  startTime,
  endTime,
}: {
  startTime: Timestamp | undefined;
  endTime: Timestamp | undefined;
}): TimeRange {
  const startNano = startTime === undefined ? TIME_MIN : nanosOf(startTime, "start_time");
  const endNano = endTime === undefined ? TIME_MAX : nanosOf(endTime, "end_time");
  if (startNano < endNano) return { startNano, endNano };
  const message = "start_time is not before end_time: nothing can be in between";
  throw serviceError(status.INVALID_ARGUMENT, "TIME_RANGE_INVALID", message);
}

function progressOf(sink: Sink<VerifyTrailResponse>, hosts: number) {
  let toldMs = performance.now();
  return async (hostsDone: number, eventsDone: number, events: number): Promise<void> => {
    sink.throwIfEnded();
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    const value = {
      hostsDone: BigInt(hostsDone),
      hosts: BigInt(hosts),
      eventsDone: BigInt(eventsDone),
      events: BigInt(events),
    };
    await sink.write({ answer: { $case: "progress", value } });
  };
}

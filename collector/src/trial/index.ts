/** Tries rules on stored history: what they would have found, and how often they would have alerted. */
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { type handleBidiStreamingCall, type ServerDuplexStream, status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";
import { TestRulesRequest, type TestRulesResponse } from "@hosttrail/proto/rule";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import type { HostSet } from "../access/index.ts";
import { ScanTooWideError } from "../scan/index.ts";
import { type Gate, invalidField, serviceError, type Visit } from "../serve/index.ts";
import { TrialParts } from "./gather.ts";
import { Trial, TrialEndedError, type TrialSource } from "./run.ts";
import { TrialTooWideError } from "./tally.ts";
import { ThreadError } from "./worker.ts";

export type { TrialSource } from "./run.ts";

/** Trials at once, in one process. */
const TRIALS_MAX = 2;
const THREADS_MAX = 4;
const BUSY_DELAY_MS = 5000;
const PROGRESS_MS = 500;
/** How often the rights of the caller are looked at again. */
const RIGHTS_INTERVAL_MS = 2000;
const DAY_NANO = 86_400_000_000_000n;
const TIME_MAX = (1n << 63n) - 1n;

type Call = ServerDuplexStream<TestRulesRequest, TestRulesResponse>;

export class TestRulesApi {
  readonly #source: TrialSource;
  readonly #gate: Gate;
  readonly #logger: Logger;
  readonly #running = new Set<AbortController>();

  constructor(source: TrialSource, gate: Gate, logger: Logger) {
    this.#source = source;
    this.#gate = gate;
    this.#logger = logger;
  }

  readonly testRules: handleBidiStreamingCall<TestRulesRequest, TestRulesResponse> = (call) => {
    this.#answer(call).catch((error: unknown) =>
      call.emit("error", this.#gate.explain(call.getPath(), explainTrial(error))),
    );
  };

  async #answer(call: Call): Promise<void> {
    const visit = await this.#gate.enter(call);
    const parts = new TrialParts();
    // Who sends too much must still be told so.
    for await (const part of call.iterator({ destroyOnReturn: false })) parts.add(part as TestRulesRequest);
    const request = parts.finish();
    if (call.cancelled) return;
    const path = call.getPath();
    const asked = { getPath: () => path, getPeer: () => call.getPeer(), request };
    const record = async (results: number, code: status | "STARTED"): Promise<void> =>
      await this.#gate.record(asked, visit.caller, TestRulesRequest, results, code);
    const range = rangeOf(request);
    const hosts = hostsOf(request.hostId, visit);
    if (this.#running.size >= TRIALS_MAX) {
      const message = `${TRIALS_MAX} trials of rules are running here; try again later`;
      throw serviceError(status.RESOURCE_EXHAUSTED, "TRIALS_RUNNING", message, {}, BUSY_DELAY_MS);
    }
    const ending = new AbortController();
    this.#running.add(ending);
    let results = 0;
    try {
      // A trial may take long, and must not be unknown for so long.
      await record(0, "STARTED");
      results = await this.#try(call, { ...range, hosts, request }, visit, ending);
    } catch (error) {
      await record(results, status.UNKNOWN).catch(() => undefined);
      throw error;
    } finally {
      this.#running.delete(ending);
    }
    await record(results, call.cancelled ? status.CANCELLED : status.OK);
    this.#gate.count(path, call.cancelled ? status.CANCELLED : status.OK);
    if (!call.cancelled) call.end();
  }

  /** Gives how many matches were told. */
  async #try(
    call: Call,
    { request, ...about }: { startNano: bigint; endNano: bigint; hosts: HostSet; request: TestRulesRequest },
    visit: Visit,
    ending: AbortController,
  ): Promise<number> {
    let allowed = visit.hosts;
    let refused: unknown;
    const trial = new Trial(this.#source, {
      ...about,
      files: request.files,
      placeholders: new Map(request.placeholders.map(({ name, values }) => [name, values])),
      threads: Math.max(1, Math.min(THREADS_MAX, availableParallelism() >> 1)),
      isAllowed: (hostId) => allowed?.has(hostId) !== false,
      signal: ending.signal,
    });
    const cancel = (): void => ending.abort();
    call.on("cancelled", cancel);
    const telling = setInterval(() => {
      // Who does not read is told later, of more at once.
      if (!call.writableNeedDrain) call.write(responseOf(trial, false));
    }, PROGRESS_MS);
    const looking = setInterval(() => {
      this.#gate.enter(call).then(
        (now) => {
          allowed = now.hosts;
        },
        (error: unknown) => {
          refused = error;
          ending.abort();
        },
      );
    }, RIGHTS_INTERVAL_MS);
    try {
      await trial.run();
    } finally {
      clearInterval(telling);
      clearInterval(looking);
      call.off("cancelled", cancel);
    }
    if (refused !== undefined) throw refused;
    if (call.cancelled) return trial.matches;
    if (ending.signal.aborted)
      throw serviceError(status.UNAVAILABLE, "STOPPING", "this collector is stopping; ask again", {}, BUSY_DELAY_MS);
    this.#logger.info({ caller: visit.caller.name, matches: trial.matches }, "rules were tried on history");
    await tellAll(call, trial);
    return trial.matches;
  }

  /** Ends trials that are under way. */
  close(): void {
    for (const ending of this.#running) ending.abort();
  }
}

function responseOf(trial: Trial, isLast: boolean): TestRulesResponse {
  const { isMore, ...progress } = trial.take();
  return { ...progress, done: isLast && !isMore };
}

/** What is left, at the pace at which it is read. */
async function tellAll(call: Call, trial: Trial): Promise<void> {
  for (;;) {
    if (call.cancelled) return;
    if (call.writableNeedDrain) await Promise.race([once(call, "drain"), once(call, "cancelled")]);
    const response = responseOf(trial, true);
    call.write(response);
    if (response.done) return;
  }
}

function explainTrial(error: unknown): unknown {
  if (error instanceof ScanTooWideError || error instanceof TrialTooWideError)
    return serviceError(status.RESOURCE_EXHAUSTED, "TRIAL_TOO_WIDE", error.message);
  if (error instanceof ThreadError || error instanceof TrialEndedError)
    return serviceError(status.RESOURCE_EXHAUSTED, "TRIAL_TOO_LARGE", `the rules cannot be tried: ${error.message}`);
  return error;
}

/** The hosts of the caller, or the one that is asked for if it is one of them. */
function hostsOf(hostId: string, { hosts }: Visit): HostSet {
  if (hostId === "") return hosts;
  if (!isHostId(hostId)) throw invalidField("host_id", hostId, "32 lower case hex digits");
  return new Set(hosts?.has(hostId) === false ? [] : [hostId]);
}

function rangeOf({ startTime, endTime }: TestRulesRequest): { startNano: bigint; endNano: bigint } {
  const nowNano = BigInt(Date.now()) * 1_000_000n;
  // Clocks of hosts may be ahead a little.
  const endNano = endTime === undefined ? nowNano + DAY_NANO : nanosOf(endTime, "end_time");
  const startNano = startTime === undefined ? nowNano - DAY_NANO : nanosOf(startTime, "start_time");
  if (startNano >= endNano) throw invalidField("start_time", shownTime(startTime), "times before end_time");
  return { startNano, endNano };
}

function shownTime(time: Timestamp | undefined): string {
  return time === undefined ? "" : `${time.seconds}.${String(time.nanos).padStart(9, "0")}`;
}

function nanosOf(time: Timestamp, field: string): bigint {
  const total = time.seconds * 1_000_000_000n + BigInt(time.nanos);
  if (time.nanos < 0 || time.nanos > 999_999_999 || total < -TIME_MAX || total > TIME_MAX)
    throw invalidField(field, shownTime(time), "times of 64 bits of nanoseconds");
  return total;
}

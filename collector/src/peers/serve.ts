/**
 * Reads units for other query processes, behind all that this one is asked itself. What it cannot read, for whatever reason, it does not
 * judge: whoever asked reads it then, so that damage and what was moved are told in one place only.
 */
import { once } from "node:events";
import { compileFilter, FilterError } from "@hosttrail/lib/predicate";
import { BlockError } from "@hosttrail/lib/block";
import { type History, MovedError } from "../history/index.ts";
import { metrics } from "../metrics/index.ts";
import { RetryableError } from "../model/index.ts";
import type { FoundElsewhere, ScanPool, UnitJob } from "../scan/index.ts";
import { PeerMessageError } from "./checked.ts";
import { decodeCall, decodeRequest, encodeOffer, encodeRefusal, encodeReply, type Refusal } from "./codec.ts";
import type { PeerLink } from "./link.ts";
import { type PeerSeal, SEAL_BYTES } from "./seal.ts";
import type { Warnings } from "./warnings.ts";

/** Requests that are worked on at once, beside one for each thread: one that waits. */
const REQUESTS_MORE = 1;

export interface ReaderParts {
  link: PeerLink;
  seal: PeerSeal;
  pool: Pick<ScanPool, "find" | "isReady" | "isWaiting" | "threads">;
  payloadOf: History["payloadOf"];
  version: string;
  processId: string;
}

export class PeerReader {
  readonly #parts: ReaderParts;
  readonly #warnings: Warnings;
  readonly #listening: readonly { close(): void }[];
  #working = 0;

  constructor(parts: ReaderParts, warnings: Warnings) {
    this.#parts = parts;
    this.#warnings = warnings;
    const { link, processId } = parts;
    this.#listening = [
      link.onCall((message) => this.#offer(message)),
      link.onAsk(processId, (message) => this.#answer(message)),
    ];
  }

  get #requestsMax(): number {
    return this.#parts.pool.threads + REQUESTS_MORE;
  }

  /** Its own questions come first, and what they need of room is not given away. */
  get #isBusy(): boolean {
    const { pool } = this.#parts;
    return !pool.isReady || pool.isWaiting || this.#working >= this.#requestsMax;
  }

  async #offer(message: Uint8Array): Promise<Uint8Array | undefined> {
    const { seal, version, processId } = this.#parts;
    try {
      const caller = decodeCall(await seal.open("call", message), version);
      if (caller === undefined || caller === processId || this.#isBusy) return undefined;
      return await seal.seal("offer", encodeOffer(version, { processId, requests: this.#requestsMax }));
    } catch (error) {
      this.#warnings.warn({ error: String(error) }, "a call of another query process is not answered");
      return undefined;
    }
  }

  async #answer(message: Uint8Array): Promise<Uint8Array | undefined> {
    const { seal } = this.#parts;
    try {
      const body = await seal.open("request", message);
      return await seal.seal("reply", await this.#replyTo(body), message);
    } catch (error) {
      metrics.queryPeerRequests.inc({ result: error instanceof PeerMessageError ? "forged" : "failed" });
      this.#warnings.warn({ error: String(error) }, "a request of another query process is not answered");
      return undefined;
    }
  }

  async #replyTo(body: Uint8Array): Promise<Uint8Array> {
    const { version, link } = this.#parts;
    let request: ReturnType<typeof decodeRequest>;
    try {
      request = decodeRequest(body, version);
      if (request === "version") return this.#refuse("version");
      const { text } = compileFilter(request.filter);
      if (text !== request.filter) throw new PeerMessageError("filter is not in its canonical form here");
    } catch (error) {
      if (!(error instanceof PeerMessageError || error instanceof FilterError)) throw error;
      this.#warnings.warn({ error: error.message }, "a request of another query process is refused");
      return this.#refuse("malformed");
    }
    if (this.#isBusy) return this.#refuse("busy");
    const found = await this.#readAll(request.jobs, request.timeMs);
    metrics.queryPeerRequests.inc({ result: "answered" });
    return encodeReply(request.jobs, found, link.messageBytesMax - SEAL_BYTES);
  }

  #refuse(refusal: Refusal): Uint8Array {
    metrics.queryPeerRequests.inc({ result: refusal });
    return encodeRefusal(refusal);
  }

  /** As far as it comes in the time; undefined for what it could not read. */
  async #readAll(jobs: readonly UnitJob[], timeMs: number): Promise<(FoundElsewhere | undefined)[]> {
    const found: (FoundElsewhere | undefined)[] = jobs.map(() => undefined);
    const signal = AbortSignal.timeout(timeMs);
    this.#working++;
    const reading = Promise.all(
      jobs.map(async (job, at) => {
        found[at] = await this.#read(job, signal);
      }),
    ).finally(() => this.#working--);
    await Promise.race([reading, once(signal, "abort")]);
    return [...found];
  }

  async #read(job: UnitJob, signal: AbortSignal): Promise<FoundElsewhere | undefined> {
    const { pool, payloadOf } = this.#parts;
    try {
      const { matches, reduced, readMs, openMs, matchMs } = await pool.find(job, () => payloadOf(job.unit), {
        signal,
        isGuest: true,
      });
      return { matches, reduced, readMs, openMs, matchMs };
    } catch (error) {
      const isUsual = error instanceof BlockError || error instanceof MovedError || error instanceof RetryableError;
      if (!isUsual && !signal.aborted)
        this.#warnings.warn({ error: String(error) }, "a unit is not read for another process");
      return undefined;
    }
  }

  /** Takes no more requests. */
  close(): void {
    for (const each of this.#listening) each.close();
  }
}

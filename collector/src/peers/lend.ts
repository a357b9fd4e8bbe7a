/**
 * Has other processes read some of the units that wait for this one's threads. Nothing depends on them: a unit for which no good answer
 * comes in time is read here. Who would help is asked while a large scan goes on, and at no other time.
 */
import { metrics } from "../metrics/index.ts";
import type { Lender, Lent, ScanPool } from "../scan/index.ts";
import { PeerMessageError } from "./checked.ts";
import { decodeOffer, decodeReply, encodeCall, encodeRequest, UNITS_MAX } from "./codec.ts";
import type { PeerLink } from "./link.ts";
import { Peer } from "./peer.ts";
import type { PeerSeal } from "./seal.ts";
import type { Warnings } from "./warnings.ts";

/** Between two calls for help. */
const CALL_MS = 1000;
/** Time in which another process answers a request, and that on the way, milliseconds. */
const ANSWER_MS = 1000;
const WAY_MS = 250;

export interface LenderParts {
  link: PeerLink;
  seal: PeerSeal;
  pool: Pick<ScanPool, "lend">;
  /** Of the program and of all else that must be the same for a filter to mean the same. */
  version: string;
  processId: string;
  /** Processes that are asked, at most. */
  peersMax: number;
}

export class PeerLender implements Lender {
  readonly #parts: LenderParts;
  readonly #warnings: Warnings;
  readonly #peers = new Map<string, Peer>();
  readonly #offers: { close(): void };
  #calledMs: number = Number.NEGATIVE_INFINITY;
  #isSending = false;
  #isClosed = false;

  constructor(parts: LenderParts, warnings: Warnings) {
    this.#parts = parts;
    this.#warnings = warnings;
    this.#offers = parts.link.onOffer((message) => void this.#takeOffer(message));
  }

  get unitsMax(): number {
    const nowMs = performance.now();
    if (!this.#isClosed && nowMs - this.#calledMs >= CALL_MS) {
      this.#calledMs = nowMs;
      void this.#call();
    }
    let requests = 0;
    for (const peer of this.#peers.values()) requests += peer.requestsMax(nowMs);
    return requests * UNITS_MAX;
  }

  /** What comes to wait in one turn goes out together. */
  waiting(): void {
    if (this.#isSending || this.#isClosed || this.#peers.size === 0) return;
    this.#isSending = true;
    setImmediate(() => {
      this.#isSending = false;
      this.#send();
    });
  }

  async #call(): Promise<void> {
    const { link, seal, version, processId } = this.#parts;
    this.#forget();
    try {
      link.call(await seal.seal("call", encodeCall(version, processId)));
    } catch (error) {
      this.#warnings.debug({ error: String(error) }, "other query processes cannot be called");
    }
  }

  #forget(): void {
    const nowMs = performance.now();
    for (const [id, peer] of this.#peers) if (peer.isGone(nowMs)) this.#peers.delete(id);
    metrics.queryPeers.set(this.#peers.size);
  }

  async #takeOffer(message: Uint8Array): Promise<void> {
    const { seal, version, processId, peersMax } = this.#parts;
    try {
      const offer = decodeOffer(await seal.open("offer", message), version);
      if (offer === undefined || offer.processId === processId || this.#isClosed) return;
      const known = this.#peers.get(offer.processId);
      if (known === undefined && this.#peers.size >= peersMax) return;
      const peer = known ?? new Peer(offer.processId);
      peer.offer(offer.requests, performance.now());
      this.#peers.set(peer.id, peer);
      metrics.queryPeers.set(this.#peers.size);
      this.waiting();
    } catch (error) {
      this.#warnings.warn({ error: String(error) }, "an offer of another query process is not taken");
    }
  }

  /** A request to each process that has room, as long as something waits. */
  #send(): void {
    const nowMs = performance.now();
    for (let hasSent = true; hasSent && !this.#isClosed; ) {
      hasSent = false;
      for (const peer of this.#peers.values()) {
        if (!peer.hasRoom(nowMs)) continue;
        const lent = this.#parts.pool.lend(UNITS_MAX);
        if (lent.length === 0) return;
        peer.asked();
        hasSent = true;
        void this.#ask(peer, lent);
      }
    }
  }

  async #ask(peer: Peer, lent: readonly Lent[]): Promise<void> {
    const how = await this.#settle(peer, lent).catch((error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      const result = error instanceof PeerMessageError ? "wrong" : "silent";
      return { result, text } as const;
    });
    if (how !== "well" && how !== "busy") metrics.queryPeerUnits.inc({ result: how.result }, lent.length);
    // What came of a unit before is not changed by this.
    for (const each of lent) each.giveBack();
    const restMs = peer.answered(typeof how === "string" ? how : "failed", performance.now());
    if (typeof how !== "string" && restMs > 0)
      this.#warnings.warn(
        { peer: peer.id, restMs, reason: how.text },
        "another query process is not asked for a while",
      );
    this.waiting();
  }

  /** Throws a PeerMessageError where the answer is not what it should be, and a RetryableError where none comes. */
  async #settle(peer: Peer, lent: readonly Lent[]): Promise<"well" | "busy"> {
    const { link, seal, version } = this.#parts;
    const jobs = lent.map(({ job }) => job);
    const request = await seal.seal("request", encodeRequest(version, jobs, ANSWER_MS));
    if (request.length > link.messageBytesMax) {
      metrics.queryPeerUnits.inc({ result: "unread" }, lent.length);
      return "well";
    }
    const message = await link.ask(peer.id, request, ANSWER_MS + WAY_MS);
    if (message === undefined) {
      metrics.queryPeerUnits.inc({ result: "gone" }, lent.length);
      return "busy";
    }
    const reply = decodeReply(await seal.open("reply", message, request), jobs);
    if ("refusal" in reply) {
      if (reply.refusal !== "busy") throw new PeerMessageError(`it refuses the request: ${reply.refusal}`);
      metrics.queryPeerUnits.inc({ result: "busy" }, lent.length);
      return "busy";
    }
    for (const [at, found] of reply.found.entries()) {
      metrics.queryPeerUnits.inc({ result: found === undefined ? "unread" : "read" });
      if (found !== undefined) lent[at]?.settle(found);
    }
    return "well";
  }

  /** Nothing more is asked; what was asked for comes, or is read here. */
  close(): void {
    this.#isClosed = true;
    this.#offers.close();
  }
}

/**
 * One agent's stream. States: waiting for hello -> greeting -> open -> asked to go -> ended. In *open* at most `credit` blocks are being
 * published; an agent that sends more is read no further until some are done. An agent that was asked to go may send until it goes; what it sent
 * before it ended its side is published and answered before ours ends.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import {
  BLOCK_BYTES_MAX,
  BlockError,
  checkSignature,
  eventId,
  LinkError,
  LinkReader,
  type ParsedBlock,
  parseBlock,
  type Verify,
} from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Logger } from "@hosttrail/lib/log";
import { Block, BlockHeader } from "@hosttrail/proto/block";
import {
  type AgentStatus,
  type BlockReference,
  type Hello,
  StoredNotice,
  type StreamRequest,
  type StreamResponse,
} from "@hosttrail/proto/ingest";
import { type Claim, IdentityError } from "../identities/index.ts";
import { metrics } from "../metrics/index.ts";
import { type BlockMessage, type KeptCertificate, PermanentError, RetryableError } from "../model/index.ts";
import { type Peer, serviceError } from "../serve/index.ts";
import { clockOffsetMs } from "./clock.ts";
import { checkPlain, onward } from "./codec.ts";
import { Farewell, type FarewellOptions } from "./farewell.ts";
import type { Presences } from "./presence.ts";
import { type ProfileArchive, ProfileKeeper } from "./profile.ts";
import { Questions } from "./questions.ts";
import type { Delay, HostQuota, QuotaOptions } from "./quota.ts";
import type { Room } from "./room.ts";
import type { Windows } from "./windows.ts";

/** Where blocks go, and where news of stored ones come from. */
interface BlockSink {
  /** Bytes of a block that it takes now. */
  readonly blockBytesMax: number;
  publish(block: BlockMessage): Promise<{ duplicate: boolean }>;
  onStored(hostId: string, take: (notice: Uint8Array) => void): { close: () => void };
  askStored(hostId: string, question: Uint8Array): void;
}

/** Says which hosts may speak. */
interface Identities {
  admit(claim: Claim): Promise<void>;
  watch(claim: Claim, end: (error: IdentityError) => void): { close: () => void };
}

/** Keeps certificates, by which blocks are checked years later. */
interface Certificates {
  noteCertificate(certificate: KeptCertificate): Promise<void>;
}

export interface ReceiveOptions {
  sink: BlockSink;
  identities: Identities;
  certificates: Certificates;
  profiles: ProfileArchive;
  presences: Presences;
  /** Of all streams. */
  room: Room;
  /** Authorities that agents shall trust, PEM. */
  trustBundle: () => string;
  collectorVersion: string;
  /** Of all streams, for linked blocks. */
  windows: Windows;
  /** As it is now. A stream keeps what it began with, but for its host's quota. */
  tuning: () => Tuning;
}

/** What may change while streams are open. */
export interface Tuning extends FarewellOptions {
  /** Blocks of one agent that may be on their way at once. */
  credit: number;
  /** Time in which a new stream must say hello. */
  helloTimeoutMs: number;
  /** Times that publishing one block is tried before the stream is given up. */
  publishAttempts: number;
  quota: QuotaOptions;
  /** Milliseconds that a host's clock may be off before it is told. */
  clockOffsetWarnMs: number;
}

/** Answers that may wait for an agent to read them; one that never reads is left. */
const ANSWERS_WAITING_MAX = 4096;
/** A host that must wait is told so this often. */
const THROTTLE_INTERVAL_MS = 1000;
/** What an agent is told to wait where this process has no room; it is let in sooner where there is some. */
const BUSY_RETRY_MS = 1000;

/** What agents read that come to a collector that stops. */
export const STOPPING = "this collector stops: it takes no new streams";

/** Timers take no longer time than this. */
const TIMER_MS_MAX = 2_147_483_647;

type Call = ServerDuplexStream<StreamRequest, StreamResponse>;

export class HostStream {
  readonly #call: Call;
  readonly #peer: Pick<Peer, "name" | "keyFingerprint" | "expireMs">;
  /** Until it is noted: there are as many streams as agents, and each has this once. */
  #chain: Peer["chain"];
  readonly #verify: Verify;
  readonly #options: ReceiveOptions;
  readonly #tuning: Tuning;
  readonly #logger: Logger;
  readonly #ended: () => void;
  readonly #quota: HostQuota;
  readonly #questions: Questions;
  readonly #profiles: ProfileKeeper;
  /** Bytes that are kept for linked blocks; 0 where they are not taken. */
  readonly #linkWindowBytes: number;
  readonly #link: LinkReader;
  #helloTimer: NodeJS.Timeout | undefined;
  /** The certificate was looked at when the connection began: it must not be used beyond its end. */
  readonly #expiryTimer: NodeJS.Timeout;
  /** *greeting* while it is found out whether the host may speak. */
  #state: "waiting" | "greeting" | "open" = "waiting";
  #hello: Hello | undefined;
  #watch: { close: () => void } | undefined;
  #subscription: { close: () => void } | undefined;
  #leave: (() => void) | undefined;
  #publishing = 0;
  /** Blocks that wait for their host's quota. */
  #throttled = 0;
  #throttleToldMs = -Infinity;
  #clockOffsetMs: number | undefined;
  readonly #farewell: Farewell;
  /** The agent sends no more. */
  #isHalfClosed = false;
  /** Blocks that came and are not answered for. */
  #unanswered = 0;
  #open = true;

  constructor(call: Call, peer: Peer, quota: HostQuota, options: ReceiveOptions, logger: Logger, ended: () => void) {
    this.#call = call;
    const { name, keyFingerprint, expireMs, chain } = peer;
    this.#peer = { name, keyFingerprint, expireMs };
    this.#chain = chain;
    this.#verify = peer.verifier();
    this.#options = options;
    this.#tuning = options.tuning();
    this.#logger = logger;
    this.#ended = ended;
    this.#quota = quota;
    this.#quota.streams++;
    this.#questions = new Questions((question) => options.sink.askStored(peer.name, question));
    this.#profiles = new ProfileKeeper(options.profiles, peer.name, logger);
    this.#linkWindowBytes = options.windows.take();
    this.#link = new LinkReader(this.#linkWindowBytes, nodePrimitives);
    this.#farewell = new Farewell(
      this.#tuning,
      (value) => this.#answer({ $case: "goodbye", value }),
      () => this.end(),
    );
    metrics.ingestStreams.inc();
    metrics.ingestLinkBytes.inc(this.#linkWindowBytes);
    this.#helloTimer = setTimeout(
      () => this.#fail(status.DEADLINE_EXCEEDED, "HELLO_MISSING", "no hello in time"),
      this.#tuning.helloTimeoutMs,
    );
    this.#expiryTimer = setTimeout(
      () => this.#fail(status.UNAUTHENTICATED, "CERTIFICATE_EXPIRED", "the host's certificate is over"),
      Math.min(Math.max(peer.expireMs - Date.now(), 0), TIMER_MS_MAX),
    );
    call.on("data", (request: StreamRequest) => this.#take(request));
    call.on("end", () => {
      this.#isHalfClosed = true;
      this.#endWhereAnswered();
    });
    call.on("cancelled", () => this.#close());
    call.on("error", () => this.#close());
  }

  /** What came before the agent ended its side is answered first. */
  #endWhereAnswered(): void {
    if (this.#isHalfClosed && this.#unanswered === 0) this.end();
  }

  /** Asks the agent to choose a collector anew; one that was not welcomed yet has just chosen. */
  askToMove(spreadMs: number): void {
    if (this.#state === "open") this.#farewell.ask("age", spreadMs);
  }

  /** Asks the agent to go to another collector; one that was not welcomed yet is refused. */
  askToStop(spreadMs: number): void {
    if (this.#state === "open") this.#farewell.ask("stopping", spreadMs);
    else this.#fail(status.UNAVAILABLE, "COLLECTOR_STOPPING", STOPPING, spreadMs);
  }

  /** Ends the stream in order; the agent connects again. */
  end(): void {
    if (!this.#open) return;
    this.#close();
    this.#call.end();
  }

  #fail(code: status, reason: string, message: string, retryDelayMs?: number): void {
    if (!this.#open) return;
    this.#close();
    this.#logger.warn({ reason, message }, "an agent's stream was ended");
    this.#call.emit("error", serviceError(code, reason, message, { host_id: this.#peer.name }, retryDelayMs));
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#expiryTimer);
    this.#farewell.close();
    this.#watch?.close();
    this.#subscription?.close();
    this.#leave?.();
    this.#questions.close();
    this.#profiles.close();
    this.#options.room.giveUp(this);
    this.#options.windows.giveBack(this.#linkWindowBytes);
    this.#quota.streams--;
    metrics.ingestStreams.dec();
    metrics.ingestLinkBytes.dec(this.#linkWindowBytes);
    this.#ended();
  }

  #answer(message: NonNullable<StreamResponse["message"]>): void {
    if (!this.#open) return;
    this.#call.write({ message });
    if (this.#call.writableLength > ANSWERS_WAITING_MAX)
      this.#fail(status.RESOURCE_EXHAUSTED, "ANSWERS_UNREAD", "the agent does not read its answers", 1000);
  }

  #take({ message }: StreamRequest): void {
    if (!this.#open) return;
    if (message?.$case === "hello") void this.#greet(message.value);
    else if (this.#state !== "open") this.#fail(status.INVALID_ARGUMENT, "HELLO_MISSING", "hello comes first");
    else if (message?.$case === "block") {
      metrics.ingestWireBytes.inc(message.value.length);
      void this.#block(message.value);
    } else if (message?.$case === "linkedBlock") {
      metrics.ingestWireBytes.inc(message.value.length);
      this.#linked(message.value);
    } else if (message?.$case === "status") {
      this.#status(message.value);
    } else if (message?.$case === "profile") this.#profiles.take(message.value);
  }

  #status({ kernelLost, quarantinedBlocks, quarantinedBytes }: AgentStatus): void {
    const { name } = this.#peer;
    metrics.kernelLost(name, Number(kernelLost));
    metrics.quarantined(name, { blocks: Number(quarantinedBlocks), bytes: Number(quarantinedBytes) });
    this.#logger.debug(
      { kernelLost: String(kernelLost), quarantinedBlocks: String(quarantinedBlocks) },
      "agent status",
    );
  }

  async #greet(hello: Hello): Promise<void> {
    if (this.#state !== "waiting") {
      this.#fail(status.INVALID_ARGUMENT, "HELLO_REPEATED", "hello comes once");
      return;
    }
    if (hello.hostId !== this.#peer.name) {
      const detail = `hello is of host ${hello.hostId.slice(0, 64)}, the certificate of host ${this.#peer.name}`;
      this.#fail(status.PERMISSION_DENIED, "HOST_MISMATCH", detail);
      return;
    }
    clearTimeout(this.#helloTimer);
    this.#helloTimer = undefined;
    this.#state = "greeting";
    const { name: hostId, keyFingerprint } = this.#peer;
    const claim = { hostId, keyFingerprint, bootId: hello.bootId };
    const { identities, certificates, profiles } = this.#options;
    let profileVersion: string;
    // First watched, then admitted: a change in between must not be missed.
    this.#watch = identities.watch(claim, (error) => {
      if (this.#state === "open") this.#refuse(error);
    });
    try {
      await identities.admit(claim);
      // Before its first block: none is taken that nobody can check later.
      await certificates.noteCertificate({ hostId, chain: this.#chain });
      this.#chain = [];
      profileVersion = await profiles.profileVersion(hostId);
    } catch (error) {
      if (error instanceof IdentityError) this.#refuse(error);
      else this.#fail(status.UNAVAILABLE, "DATABASE_UNAVAILABLE", "the host cannot be looked up at the moment", 1000);
      return;
    }
    if (this.#open) this.#welcome(hello, profileVersion);
  }

  #refuse({ reason, message }: IdentityError): void {
    metrics.hostsRefused.inc({ reason });
    this.#fail(status.PERMISSION_DENIED, reason, message);
  }

  #welcome(hello: Hello, profileVersion: string): void {
    this.#state = "open";
    this.#hello = hello;
    const leave = this.#options.presences.enter(this.#peer.name);
    metrics.ingestCredit.inc(this.#tuning.credit);
    this.#leave = () => {
      leave();
      metrics.ingestCredit.dec(this.#tuning.credit);
    };
    this.#lookAtClock(hello);
    this.#subscription = this.#options.sink.onStored(hello.hostId, (notice) => {
      const { blocks, rejected } = StoredNotice.decode(notice);
      for (const block of [...blocks, ...rejected.map((each) => each.block)]) {
        if (block !== undefined) this.#quota.settled(eventId(hello.hostId, block.epoch, block.firstSeq));
      }
      if (blocks.length > 0) this.#answer({ $case: "stored", value: { blocks } });
      for (const value of rejected) this.#answer({ $case: "rejected", value });
    });
    const { collectorVersion, trustBundle, sink } = this.#options;
    const linkWindowBytes = this.#linkWindowBytes;
    const { credit } = this.#tuning;
    const blockBytesMax = Math.min(BLOCK_BYTES_MAX, sink.blockBytesMax);
    const value = { collectorVersion, credit, blockBytesMax, linkWindowBytes, profileVersion };
    this.#answer({ $case: "welcome", value });
    this.tellTrust(trustBundle());
    this.#farewell.begin();
    this.#logger.info({ name: hello.hostName, version: hello.agentVersion }, "agent connected");
  }

  tellTrust(pem: string): void {
    if (this.#state === "open") this.#answer({ $case: "trustBundle", value: { pem } });
  }

  #lookAtClock({ clockTime, hostName }: Hello): void {
    this.#clockOffsetMs = clockOffsetMs(clockTime, Date.now());
    const offsetMs = this.#clockOffsetMs ?? 0;
    const isOff = Math.abs(offsetMs) > this.#tuning.clockOffsetWarnMs;
    metrics.clockOffset(this.#peer.name, isOff ? offsetMs : undefined);
    if (isOff) this.#logger.warn({ name: hostName, offsetMs }, "a host's clock is off: its events have wrong times");
  }

  /** Taken apart at once, since the next one builds upon it. */
  #linked(frame: Uint8Array): void {
    try {
      if (this.#linkWindowBytes === 0) throw new LinkError("linked blocks are not taken here");
      void this.#block(this.#link.unpack(frame));
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.#fail(status.INVALID_ARGUMENT, "LINK_BROKEN", error.message, 0);
    }
  }

  async #block(bytes: Uint8Array): Promise<void> {
    this.#unanswered++;
    try {
      await this.#judge(bytes);
    } finally {
      this.#unanswered--;
      this.#endWhereAnswered();
    }
  }

  /** A block that came: first its host's quota, since all that follows costs. */
  async #judge(bytes: Uint8Array): Promise<void> {
    let parsed: ParsedBlock | undefined;
    let malformed: unknown;
    try {
      parsed = parseBlock(bytes);
    } catch (error) {
      malformed = error;
    }
    // What cannot be read counts as well.
    if (!(await this.#admit(bytes.length, parsed?.header.count ?? 0))) return;
    try {
      if (parsed === undefined) throw malformed;
      this.#check(parsed);
    } catch (error) {
      if (error instanceof BlockError) this.#reject(bytes, error);
      else this.#fail(status.INTERNAL, "INTERNAL", "a block could not be checked");
      return;
    }
    const sealed = onward(bytes, parsed);
    const { blockBytesMax } = this.#options.sink;
    if (sealed.length > blockBytesMax) {
      const detail = `a block has ${sealed.length} bytes; at the moment ${blockBytesMax} can be taken`;
      this.#fail(status.UNAVAILABLE, "BLOCK_TOO_LARGE_NOW", detail, 1000);
      return;
    }
    if (!(await this.#enter(sealed.length))) return;
    this.#publishing++;
    metrics.ingestPublishing.inc();
    metrics.ingestPublishingBytes.inc(sealed.length);
    this.#regulate();
    try {
      await this.#publish(sealed, parsed);
    } finally {
      this.#options.room.leave(sealed.length);
      this.#publishing--;
      metrics.ingestPublishing.dec();
      metrics.ingestPublishingBytes.dec(sealed.length);
      this.#regulate();
    }
  }

  /** Waits for room in this process's memory; false where the stream ended meanwhile. */
  async #enter(bytes: number): Promise<boolean> {
    const { room } = this.#options;
    if (room.tryEnter(bytes)) return true;
    this.#tellThrottle({ limit: "publishing", delayMs: BUSY_RETRY_MS });
    this.#throttled++;
    this.#regulate();
    const isIn = await room.enter(this, bytes);
    this.#throttled--;
    this.#regulate();
    if (isIn && !this.#open) room.leave(bytes);
    return isIn && this.#open;
  }

  /** Waits for the host's quota; false where the stream ended meanwhile. Reading stands still, so the rest waits at the host. */
  async #admit(bytes: number, events: number): Promise<boolean> {
    let delay = this.#quota.charge({ bytes, events }, performance.now()) ?? this.#quota.backlog(performance.now());
    while (delay !== undefined && this.#open) {
      this.#tellThrottle(delay);
      this.#throttled++;
      this.#regulate();
      await sleep(delay.delayMs);
      this.#throttled--;
      this.#regulate();
      delay = this.#quota.backlog(performance.now());
    }
    return this.#open;
  }

  #tellThrottle({ delayMs, limit }: Delay | { limit: "publishing"; delayMs: number }): void {
    const now = performance.now();
    if (now - this.#throttleToldMs < THROTTLE_INTERVAL_MS) return;
    this.#throttleToldMs = now;
    metrics.throttled(this.#peer.name, limit);
    const reason = limit === "publishing" ? "COLLECTOR_BUSY" : `QUOTA_EXCEEDED: ${limit}`;
    this.#answer({ $case: "throttle", value: { retryDelayMs: Math.ceil(delayMs), reason } });
  }

  /** Reads on where there is room. */
  #regulate(): void {
    const { credit } = this.#tuning;
    if (this.#throttled > 0 || this.#publishing >= credit * 2) this.#call.pause();
    else if (this.#publishing < credit) this.#call.resume();
  }

  /** The header's host must be the certificate's; the signature must fit. The payload stays closed. */
  #check(parsed: ParsedBlock): void {
    if (parsed.header.hostId !== this.#peer.name) {
      const detail = `the block is of host ${parsed.header.hostId}, the certificate of host ${this.#peer.name}`;
      throw new BlockError("HOST_MISMATCH", "header.host_id", detail);
    }
    checkSignature(parsed, this.#verify);
    checkPlain(parsed);
  }

  #reject(bytes: Uint8Array, error: BlockError): void {
    metrics.ingestBlocks.inc({ result: error.code });
    this.#logger.warn({ code: error.code, place: error.place }, "a block was rejected");
    this.#answer({
      $case: "rejected",
      value: { block: referenceOf(bytes), reason: error.code, detail: error.message },
    });
  }

  async #publish(bytes: Uint8Array, { block, header }: ParsedBlock): Promise<void> {
    const reference: BlockReference = { epoch: header.epoch, firstSeq: header.firstSeq };
    const headerSha256 = nodePrimitives.sha256(block.header);
    const message: BlockMessage = {
      id: eventId(header.hostId, header.epoch, header.firstSeq),
      hostId: header.hostId,
      hostName: this.#hello?.hostName ?? "",
      signer: this.#peer.keyFingerprint,
      headerSha256: Buffer.from(headerSha256).toString("hex"),
      ...(this.#clockOffsetMs === undefined ? {} : { clockOffsetMs: this.#clockOffsetMs }),
      bytes,
    };
    const done = metrics.publishSeconds.startTimer();
    for (let attempt = 1; this.#open; attempt++) {
      try {
        const { duplicate } = await this.#options.sink.publish(message);
        done();
        metrics.ingestBlocks.inc({ result: duplicate ? "duplicate" : "published" });
        metrics.ingestEvents.inc(duplicate ? 0 : header.count);
        metrics.ingestBytes.inc(duplicate ? 0 : bytes.length);
        this.#quota.received(message.id, bytes.length, performance.now());
        this.#answer({ $case: "received", value: { blocks: [reference] } });
        // It went through before, so the news that it is stored may have been lost: ask for it again.
        if (duplicate) {
          const claim = { ...reference, headerSha256, firstTimeUnixNano: header.firstTimeUnixNano };
          this.#questions.add(claim);
        }
        return;
      } catch (error) {
        if (error instanceof PermanentError) {
          this.#reject(bytes, new BlockError("BLOCK_TOO_LARGE", "block", error.message, { cause: error }));
          return;
        }
        const delayMs = error instanceof RetryableError ? error.retryDelayMs : 1000;
        this.#logger.warn({ attempt, error: String(error) }, "a block could not be published");
        if (attempt >= this.#tuning.publishAttempts) {
          metrics.ingestBlocks.inc({ result: "unavailable" });
          this.#fail(status.UNAVAILABLE, "STREAM_UNAVAILABLE", "blocks cannot be kept at the moment", delayMs);
          return;
        }
        this.#answer({ $case: "throttle", value: { retryDelayMs: delayMs, reason: String(error) } });
        await sleep(delayMs);
      }
    }
  }
}

/**
 * Which block was rejected, where its header can be read at all, be it right or not: a block of a newer format must be named as well, or its
 * host would not know which one to put aside and send it for ever.
 */
function referenceOf(bytes: Uint8Array): BlockReference | undefined {
  try {
    const { header } = Block.decode(bytes);
    if (header.length === 0) return undefined;
    const { epoch, firstSeq } = BlockHeader.decode(header);
    return { epoch, firstSeq };
  } catch {
    return undefined;
  }
}

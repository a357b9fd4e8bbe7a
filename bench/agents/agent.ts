/**
 * One host as the collector sees it: TLS with a certificate of its own, HTTP/2, one gRPC stream, pings, the agent's status, blocks, and the agent's own way
 * back after the stream broke. It has nothing of the rest of an agent, so that thousands fit one process.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { LinkWriter } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { AgentStatus, StreamRequest, StreamResponse } from "@hosttrail/proto/ingest";
import { Chain, type Content } from "./blocks.ts";

/** As agent/src/ship has them. */
const PING_MS = 20_000;
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 30_000;

const PREFIX_BYTES = 5;
const REQUEST = {
  ":method": "POST",
  ":path": "/hosttrail.v1.IngestService/Stream",
  "content-type": "application/grpc",
  te: "trailers",
} as const;

export interface AgentOptions {
  port: number;
  /** It comes from there; addresses of this machine are many. */
  localAddress: string;
  ca: string;
  key: string;
  certificate: string;
  hostId: string;
  sign: (bytes: Uint8Array) => Uint8Array;
  counters: Counters;
  /** It does not come back. */
  isOnce?: boolean;
}

/** Of all agents of a client process. */
export interface Counters {
  open: number;
  attempts: number;
  blocksSent: number;
  blocksStored: number;
  /** Why streams broke, by their first words. */
  failures: Map<string, number>;
}

/** What the agent's spool would hold of a block. */
interface Kept {
  bytes: Uint8Array;
  sentMs: number;
  isReceived: boolean;
  isStored: boolean;
}

export interface Ears {
  received?: (waitedMs: number) => void;
  stored?: (waitedMs: number) => void;
}

export class SimulatedAgent {
  readonly #options: AgentOptions;
  readonly #chain: Chain;
  readonly #kept = new Map<bigint, Kept>();
  ears: Ears = {};
  #session: ClientHttp2Session | undefined;
  #call: ClientHttp2Stream | undefined;
  #link: LinkWriter | undefined;
  #waiting: Buffer = Buffer.alloc(0);
  #isOpen = false;
  #isEnding = false;
  #attempt = 0;
  #pings: NodeJS.Timeout | undefined;
  #opened: (() => void) | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#chain = new Chain(options.hostId, BigInt(Date.now()) << 16n, options.sign);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Blocks that are not stored. */
  get held(): number {
    return this.#kept.size;
  }

  /** Resolves with the welcome; afterwards it connects again by itself whenever its stream breaks. */
  open(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#opened = resolve;
    this.#connect();
    return promise;
  }

  #connect(): void {
    if (this.#isEnding) return;
    const { port, localAddress, ca, key, certificate, counters, hostId } = this.#options;
    counters.attempts++;
    const socket = connectTls({
      socket: connect({ host: "127.0.0.1", port, localAddress }),
      servername: "localhost",
      ca,
      key,
      cert: certificate,
      minVersion: "TLSv1.3",
      ALPNProtocols: ["h2"],
    });
    const session = connectHttp2(`https://localhost:${port}`, { createConnection: () => socket });
    const call = session.request(REQUEST);
    this.#session = session;
    this.#call = call;
    this.#waiting = Buffer.alloc(0);
    let why = "";
    const note = (error: Error): void => {
      why ||= error.message;
    };
    socket.on("error", note);
    session.on("error", note);
    call.on("error", note);
    // Who is refused gets all in one: then what would be trailers are the headers.
    for (const event of ["response", "trailers"] as const)
      call.on(event, (headers: IncomingHttpHeaders) => {
        const message = headers["grpc-message"];
        if (message !== undefined) why ||= decodeURIComponent(String(message));
      });
    call.on("data", (bytes: Buffer) => this.#read(bytes));
    // A stream ends alone where the collector says so; the connection is of no use then.
    for (const event of ["end", "close"]) call.on(event, () => session.destroy());
    session.on("close", () => this.#broke(session, why || "closed"));
    const value = {
      hostId,
      hostName: "simulated",
      agentVersion: "bench",
      bootId: "",
      epoch: this.#chain.epoch,
      clockTime: undefined,
    };
    this.#write({ $case: "hello", value });
  }

  #broke(session: ClientHttp2Session, why: string): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#call = undefined;
    this.#link = undefined;
    clearInterval(this.#pings);
    const { counters } = this.#options;
    if (this.#isOpen) counters.open--;
    this.#attempt = this.#isOpen ? 0 : this.#attempt + 1;
    this.#isOpen = false;
    if (this.#isEnding) return;
    const short = why.slice(0, 160);
    counters.failures.set(short, (counters.failures.get(short) ?? 0) + 1);
    if (this.#options.isOnce === true) return;
    const ceiling = Math.min(BACKOFF_MIN_MS * 2 ** this.#attempt, BACKOFF_MAX_MS);
    setTimeout(() => this.#connect(), BACKOFF_MIN_MS + Math.random() * ceiling);
  }

  #read(bytes: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    while (this.#waiting.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + this.#waiting.readUInt32BE(1);
      if (this.#waiting.length < end) return;
      this.#take(StreamResponse.decode(this.#waiting.subarray(PREFIX_BYTES, end)));
      this.#waiting = this.#waiting.subarray(end);
    }
  }

  #take({ message }: StreamResponse): void {
    const nowMs = performance.now();
    if (message?.$case === "welcome") {
      this.#isOpen = true;
      this.#options.counters.open++;
      const { linkWindowBytes } = message.value;
      this.#link = linkWindowBytes > 0 ? new LinkWriter(linkWindowBytes, nodePrimitives) : undefined;
      this.#pings = setInterval(() => this.#session?.ping(() => undefined), PING_MS);
      for (const kept of this.#kept.values()) this.#ship(kept.bytes);
      this.#opened?.();
    } else if (message?.$case === "received") {
      for (const { firstSeq } of message.value.blocks) {
        const kept = this.#kept.get(firstSeq);
        if (kept === undefined || kept.isReceived) continue;
        kept.isReceived = true;
        if (kept.isStored) this.#kept.delete(firstSeq);
        this.ears.received?.(nowMs - kept.sentMs);
      }
    } else if (message?.$case === "stored") {
      for (const { firstSeq } of message.value.blocks) {
        const kept = this.#kept.get(firstSeq);
        if (kept === undefined || kept.isStored) continue;
        kept.isStored = true;
        // Either word may be the first one.
        if (kept.isReceived) this.#kept.delete(firstSeq);
        this.#options.counters.blocksStored++;
        this.ears.stored?.(nowMs - kept.sentMs);
      }
    } else if (message?.$case === "rejected") {
      throw new Error(`host ${this.#options.hostId}: a block was rejected: ${message.value.detail}`);
    }
  }

  /** The next block of its chain; it waits where there is no stream, as in a spool. */
  send(content: Content): void {
    const { firstSeq, bytes } = this.#chain.next(content);
    this.#options.counters.blocksSent++;
    this.#kept.set(firstSeq, { bytes, sentMs: performance.now(), isReceived: false, isStored: false });
    if (this.#isOpen) this.#ship(bytes);
  }

  #ship(bytes: Uint8Array): void {
    const linked = this.#link?.pack(bytes);
    if (linked === undefined) this.#write({ $case: "block", value: bytes });
    else this.#write({ $case: "linkedBlock", value: linked });
  }

  tellStatus(): void {
    if (this.#isOpen) this.#write({ $case: "status", value: AgentStatus.fromPartial({ source: "netlink-multicast" }) });
  }

  #write(message: NonNullable<StreamRequest["message"]>): void {
    const body = StreamRequest.encode({ message }).finish();
    const frame = Buffer.allocUnsafe(PREFIX_BYTES + body.length);
    frame[0] = 0;
    frame.writeUInt32BE(body.length, 1);
    frame.set(body, PREFIX_BYTES);
    this.#call?.write(frame);
  }

  end(): void {
    this.#isEnding = true;
    this.#session?.destroy();
  }
}

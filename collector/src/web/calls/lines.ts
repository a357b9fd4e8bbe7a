/**
 * A call with many answers, each a line of JSON to a browser; to services it is like one of gRPC. The browser's pace holds: a message is
 * taken when those before it have left, and as many wait as with gRPC.
 */
import { Writable } from "node:stream";
import { Metadata } from "@grpc/grpc-js";
import type { Caller } from "../../access/index.ts";
import { type Answer, type Exchange, whenOver } from "../exchange.ts";
import { problemOf } from "../problem.ts";
import type { About, Sent } from "./local.ts";

const LINES_TYPE = "application/x-ndjson";
/** Proxies end connections on which nothing is said for a minute or so. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = "{}\n";

type Done = (error?: Error | null) => void;

export class LineCall extends Writable {
  readonly metadata: Metadata = new Metadata();
  readonly request: unknown;
  cancelled = false;
  readonly #about: About;
  readonly #answer: Answer;
  readonly #parts: AsyncIterable<unknown> | undefined;
  readonly #encode: (message: unknown) => unknown;
  readonly #beating: NodeJS.Timeout;
  #isWriting = false;
  #isSaid = false;
  #problem: unknown;

  constructor(
    about: About,
    { request, parts }: Sent,
    encode: (message: unknown) => unknown,
    { answer, over }: Pick<Exchange, "answer" | "over">,
  ) {
    super({ objectMode: true });
    this.#about = about;
    this.request = request;
    this.#parts = parts;
    this.#encode = encode;
    this.#answer = answer;
    // Steps tell by this event how a call failed, as gRPC wants it.
    this.on("error", (error) => this.#fail(error));
    this.#beating = setInterval(() => this.#beat(), HEARTBEAT_MS);
    // Later than now, since whoever handles the call must hear of it.
    whenOver(over, () => setImmediate(() => this.#left()));
  }

  getPath(): string {
    return this.#about.path;
  }

  getPeer(): string {
    return this.#about.peer;
  }

  getAuthContext(): object {
    return {};
  }

  authenticate(): Promise<Caller> {
    return this.#about.authenticate();
  }

  /** What the browser sent in parts, as a call of gRPC gives it. */
  async *iterator(): AsyncGenerator<unknown> {
    if (this.#parts !== undefined) yield* this.#parts;
  }

  /** Tells the browser that it will miss nothing from now on. */
  sendMetadata(): void {
    this.#beat();
  }

  // What comes after the end is dropped, as gRPC does: a stream of Node's own would forget what waits.
  override write(message: unknown): boolean {
    if (this.writableEnded || this.destroyed) return false;
    return super.write(message);
  }

  override _write(message: unknown, _encoding: BufferEncoding, done: Done): void {
    this.#put([message], done);
  }

  override _writev(chunks: { chunk: unknown }[], done: Done): void {
    this.#put(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    clearInterval(this.#beating);
    this.#isSaid = true;
    const { status, body } = problemOf(this.#problem);
    if (this.#problem === undefined) {
      this.#head();
      this.#answer.end(`${JSON.stringify({ end: {} })}\n`);
    } else if (this.#answer.headersSent) this.#answer.end(`${JSON.stringify({ error: body })}\n`);
    else {
      this.#answer.writeHead(status, { "content-type": "application/json" });
      this.#answer.end(JSON.stringify(body));
    }
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    clearInterval(this.#beating);
    done(error);
  }

  #put(messages: readonly unknown[], done: Done): void {
    let text: string;
    try {
      text = messages.map((message) => `${JSON.stringify({ result: this.#encode(message) })}\n`).join("");
    } catch (error) {
      // Not the browser's fault: it is told that we cannot, and nothing more is made for it.
      done();
      this.#fail(error);
      this.#cancel();
      return;
    }
    this.#head();
    this.#isWriting = true;
    this.#answer.write(text, () => {
      this.#isWriting = false;
      done();
    });
  }

  #head(): void {
    if (!this.#answer.headersSent) this.#answer.writeHead(200, { "content-type": LINES_TYPE });
  }

  #beat(): void {
    // Whoever does not read what is there needs no sign of life.
    if (this.#isWriting || this.writableEnded || this.destroyed) return;
    this.#head();
    this.#answer.write(HEARTBEAT, () => undefined);
  }

  #fail(error: unknown): void {
    if (this.writableEnded || this.destroyed) return;
    this.#problem = error;
    this.end();
  }

  /** The connection is over: what was to be said is said, or nobody listens. */
  #left(): void {
    if (!this.#isSaid) this.#cancel();
    this.destroy();
  }

  #cancel(): void {
    this.cancelled = true;
    this.emit("cancelled", "cancelled");
  }
}

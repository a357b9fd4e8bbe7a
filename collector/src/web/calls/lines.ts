/**
 * A call with many answers, each a line of JSON to a browser. The browser's pace holds: a message is taken when those before it have left, and
 * as many wait as with gRPC.
 */
import type { Answer, Exchange } from "../exchange.ts";
import { problemOf } from "../problem.ts";
import { AnsweringCall, type Done } from "./answering.ts";
import type { About, Sent } from "./local.ts";

const LINES_TYPE = "application/x-ndjson";
/** Proxies end connections on which nothing is said for a minute or so. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = "{}\n";

export class LineCall extends AnsweringCall {
  readonly #answer: Answer;
  readonly #parts: AsyncIterable<unknown> | undefined;
  readonly #encode: (message: unknown) => unknown;
  readonly #beating: NodeJS.Timeout;
  #isWriting = false;
  #isEnded = false;

  constructor(
    about: About,
    sent: Sent,
    encode: (message: unknown) => unknown,
    exchange: Pick<Exchange, "answer" | "over">,
  ) {
    super(about, sent, exchange);
    this.#parts = sent.parts;
    this.#encode = encode;
    this.#answer = exchange.answer;
    this.#beating = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  protected override get isSaid(): boolean {
    return this.#isEnded;
  }

  /** What the browser sent in parts, as a call of gRPC gives it. */
  async *iterator(): AsyncGenerator<unknown> {
    if (this.#parts !== undefined) yield* this.#parts;
  }

  /** Tells the browser that it will miss nothing from now on. */
  sendMetadata(): void {
    this.#beat();
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
    this.#isEnded = true;
    const { status, body } = problemOf(this.problem);
    if (this.problem === undefined) {
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
      this.fail(error);
      this.cancel();
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
}

/**
 * A call with many answers of which a program wants the last one alone, as if there were only one: of those that tell what is known so far,
 * it is the whole.
 */
import { type Exchange, sendJson } from "../exchange.ts";
import { problemOf } from "../problem.ts";
import { AnsweringCall, type Done } from "./answering.ts";
import type { About, Sent } from "./local.ts";

export class LastCall extends AnsweringCall {
  readonly #answer: Exchange["answer"];
  readonly #encode: (message: unknown) => unknown;
  #last: unknown;

  constructor(
    about: About,
    sent: Pick<Sent, "request">,
    encode: (message: unknown) => unknown,
    exchange: Pick<Exchange, "answer" | "over">,
  ) {
    super(about, sent, exchange);
    this.#encode = encode;
    this.#answer = exchange.answer;
  }

  protected override get isSaid(): boolean {
    return this.writableFinished;
  }

  /** Nobody waits for the first answer. */
  sendMetadata(): void {}

  override _write(message: unknown, _encoding: BufferEncoding, done: Done): void {
    this.#last = message;
    done();
  }

  override _final(done: Done): void {
    try {
      if (this.problem !== undefined) throw this.problem;
      sendJson(this.#answer, 200, this.#last === undefined ? {} : this.#encode(this.#last));
    } catch (error) {
      const { status, body } = problemOf(error);
      sendJson(this.#answer, status, body);
    }
    done();
  }
}

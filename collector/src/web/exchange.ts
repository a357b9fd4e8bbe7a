/** A request of a browser and its answer, by whichever HTTP it came. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { userOf } from "../serve/index.ts";

/** What is used of an answer; those of HTTP/1.1 and of HTTP/2 both have it. */
export interface Answer {
  readonly statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  writeHead(status: number, headers: OutgoingHttpHeaders): unknown;
  /** `done` is called when it has left this process. */
  write(text: string, done: () => void): boolean;
  end(body?: string | Uint8Array): unknown;
}

export interface Exchange {
  method: string;
  /** As it was sent, without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** What the request brings along, in pieces. */
  body: AsyncIterable<Uint8Array>;
  /** `address:port` of the other side. */
  peer: string;
  /** Who the client's certificate says, or why it says nobody. */
  certificate: ReturnType<typeof userOf>;
  answer: Answer;
  /** Aborted when all is said, or when the browser is gone. */
  over: AbortSignal;
}

/** Acts when an exchange is over; now, where it is. */
export function whenOver(over: AbortSignal, act: () => void): void {
  if (over.aborted) act();
  else over.addEventListener("abort", act, { once: true });
}

export const JSON_TYPE = "application/json";

/** Answers with a value as JSON. */
export function sendJson(answer: Answer, status: number, value: unknown, headers: OutgoingHttpHeaders = {}): void {
  const bytes = Buffer.from(JSON.stringify(value));
  answer.writeHead(status, { "content-type": JSON_TYPE, "content-length": bytes.length, ...headers });
  answer.end(bytes);
}

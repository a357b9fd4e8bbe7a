/** Calls of the API by JSON: each is handed to its service in-process, through the same gate as those of gRPC. */
import { type ServiceError, status } from "@grpc/grpc-js";
import type { Caller } from "../../access/index.ts";
import { metrics } from "../../metrics/index.ts";
import { REQUEST_BYTES_MAX, type Service, serviceError } from "../../serve/index.ts";
import { readJson } from "../body.ts";
import { type Exchange, sendJson, whenOver } from "../exchange.ts";
import { LastCall } from "./last.ts";
import { LineCall } from "./lines.ts";
import { type About, LocalCall, type Sent } from "./local.ts";
import { type Method, methodsOf } from "./methods.ts";

export interface CallBounds {
  /** Calls of one session that go on at once. */
  callsMax: number;
  /** Of these, calls with many answers. */
  streamsMax: number;
}

/** Who calls. */
export interface CallSession {
  /** The same for all calls of one session. */
  id: string;
  /** The caller as of now; throws an UnknownCaller where the session or the identity behind it does not hold any more. */
  look(): Promise<Caller>;
}

/** What a request in parts may have in all, as JSON: a ruleset of 8 Mi characters, and what JSON puts around them. */
const PARTS_BYTES_MAX: number = 16 * 1024 * 1024;
const RETRY_MS = 1000;

type UnaryHandler = (call: LocalCall, callback: (error: ServiceError | null, message: unknown) => void) => void;
type LineHandler = (call: LineCall | LastCall) => void;

/** Of a method with many answers, "last" wants the last one alone: programs that read one JSON text cannot read lines. */
const ANSWER_HEADER = "x-hosttrail-answer";

export class Calls {
  readonly #methods: Map<string, Method>;
  readonly #bounds: CallBounds;
  /** What goes on, by session. */
  readonly #running = new Map<string, { calls: number; streams: number }>();

  constructor(services: readonly Service[], bounds: CallBounds) {
    this.#methods = methodsOf(services);
    this.#bounds = bounds;
  }

  /** Answers the call of a path `/api/<Service>/<Method>`; throws a ServiceError where nothing was answered yet. */
  async answer(exchange: Exchange, session: CallSession): Promise<void> {
    const path = exchange.path.replace(/^\/api/, "");
    const method = this.#methods.get(path);
    if (method === undefined)
      throw serviceError(status.UNIMPLEMENTED, "METHOD_UNKNOWN", `there is no method ${shown(path)}`);
    const leave = this.#enter(session.id, method);
    whenOver(exchange.over, leave);
    const about: About = { path, peer: exchange.peer, authenticate: () => session.look() };
    const wantsLast = asksForLast(exchange, method);
    const sent = await sentOf(exchange, method);
    if (!method.hasLines) return await answerOnce(exchange, method, new LocalCall(about, sent));
    const Call = wantsLast ? LastCall : LineCall;
    const call = new Call(about, sent, (message) => method.response(message), exchange);
    (method.handle as unknown as LineHandler)(call);
  }

  /** Counts a call of a session, until what it gives is called. Throws a ServiceError where too many go on. */
  #enter(id: string, { hasLines }: Method): () => void {
    const { callsMax, streamsMax } = this.#bounds;
    const running = this.#running.get(id) ?? { calls: 0, streams: 0 };
    const streams = hasLines ? 1 : 0;
    if (running.calls >= callsMax || running.streams + streams > streamsMax) {
      metrics.consoleRefused.inc({ reason: "session_busy" });
      const message = `of this session ${running.calls} calls go on, ${running.streams} of them streams; at most ${callsMax} and ${streamsMax} may`;
      throw serviceError(status.RESOURCE_EXHAUSTED, "SESSION_BUSY", message, {}, RETRY_MS);
    }
    running.calls++;
    running.streams += streams;
    this.#running.set(id, running);
    metrics.consoleStreams.inc(streams);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      running.calls--;
      running.streams -= streams;
      metrics.consoleStreams.dec(streams);
      if (running.calls === 0) this.#running.delete(id);
    };
  }
}

/** Throws a ServiceError for what there is not. */
function asksForLast({ headers }: Exchange, { path, hasParts, hasLines }: Method): boolean {
  const wanted = headers[ANSWER_HEADER];
  if (wanted === undefined) return false;
  if (wanted === "last" && hasLines && !hasParts) return true;
  const message = `X-Hosttrail-Answer is ${shown(String(wanted))}; it may be "last", of a method that is asked once and answers many times, which ${path} ${hasLines && !hasParts ? "is" : "is not"}`;
  throw serviceError(status.INVALID_ARGUMENT, "ANSWER_UNKNOWN", message);
}

/** One message is read now; several are when their caller was let in. */
async function sentOf(exchange: Exchange, method: Method): Promise<Sent> {
  if (!method.hasParts) return { request: method.request(await readJson(exchange, REQUEST_BYTES_MAX)) };
  async function* parts(): AsyncGenerator<unknown> {
    for (const part of partsOf(await readJson(exchange, PARTS_BYTES_MAX))) yield method.request(part);
  }
  return { parts: parts() };
}

/** Throws as the service does. */
async function answerOnce({ answer, over }: Exchange, method: Method, call: LocalCall): Promise<void> {
  const leave = (): void => {
    if (!answer.writableEnded) call.leave();
  };
  // Later than now, since whoever handles the call must hear of it.
  whenOver(over, () => setImmediate(leave));
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  (method.handle as unknown as UnaryHandler)(call, (error, message) => {
    if (error === null) resolve(message);
    else reject(error);
  });
  const message = await promise;
  if (!call.cancelled) sendJson(answer, 200, method.response(message));
}

function partsOf(body: unknown): readonly unknown[] {
  const parts = typeof body === "object" && body !== null && "parts" in body ? body.parts : undefined;
  if (Array.isArray(parts) && Object.keys(body as object).length === 1) return parts;
  throw serviceError(status.INVALID_ARGUMENT, "PARTS_MISSING", 'the body is not {"parts": […]}, and nothing else');
}

function shown(path: string): string {
  return JSON.stringify(path.slice(0, 128));
}

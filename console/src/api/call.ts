/** Calls of the collector's API: JSON over the page's own origin. */
import { type Answer, type CallError, callError, readError } from "./error.ts";
import { JsonLines } from "./lines.ts";
import type { Method, StreamMethod } from "./methods.ts";
import { backgroundHeader } from "./person.ts";
import { CONSOLE_HEADER, loginAgain } from "./session.ts";

/** How often a call is made again after a login. */
const LOGINS_MAX = 3;

const NEVER: AbortSignal = new AbortController().signal;
const GONE = callError("GONE", "nobody waits for the answer any more");

/** Asks, and gives the answer or why there is none. Never throws. */
export async function call<Request, Response>(
  method: Method<Request, Response>,
  request: Request,
  signal: AbortSignal = NEVER,
): Promise<Answer<Response>> {
  const { response, error } = await post(method.path, request, signal);
  if (error !== undefined) return { error };
  try {
    return { value: (await response.json()) as Response };
  } catch {
    return { error: signal.aborted ? GONE : callError("BROKEN", "the answer broke off") };
  }
}

/** A stream is taken for broken where nothing comes for so long; the collector's heart beats every 15 s. */
const SILENCE_MAX_MS = 40_000;

/**
 * Asks, and hands over each message of the answer as it comes; the next one is read once that is done. Gives undefined at the end of the whole
 * answer, else what went wrong.
 */
export async function callStream<Request, Response>(
  method: StreamMethod<Request, Response>,
  request: Request,
  take: (message: Response) => void | Promise<void>,
  signal: AbortSignal = NEVER,
): Promise<CallError | undefined> {
  const { response, error } = await post(method.path, method.isParts === true ? { parts: [request] } : request, signal);
  if (error !== undefined) return error;
  if (response.body === null) return callError("BROKEN", "the answer has no body");
  const reader = response.body.getReader();
  try {
    const lines = new JsonLines();
    for (;;) {
      const { done, value } = await withinSilence(reader.read());
      if (done) return callError("BROKEN", "the answer broke off");
      for (const line of lines.push(value)) {
        const { result, error: failure, end } = line as { result?: Response; error?: unknown; end?: unknown };
        if (failure !== undefined) return readError(failure, 200);
        if (end !== undefined) return undefined;
        if (result !== undefined) await take(result);
        if (signal.aborted) return GONE;
      }
    }
  } catch (cause) {
    return signal.aborted ? GONE : callError("BROKEN", cause instanceof Error ? cause.message : "the answer broke off");
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function withinSilence<Value>(reading: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("nothing came for a while")), SILENCE_MAX_MS);
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    clearTimeout(timer);
  }
}

type Posted = { response: Response; error?: undefined } | { response?: undefined; error: CallError };

async function post(path: string, body: unknown, signal: AbortSignal): Promise<Posted> {
  for (let logins = 0; ; logins++) {
    let response: Response;
    try {
      response = await fetch(`/api/hosttrail.v1.${path}`, {
        method: "POST",
        headers: { ...CONSOLE_HEADER, ...backgroundHeader(), "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal,
      });
    } catch {
      return { error: signal.aborted ? GONE : callError("UNREACHABLE", "the collector does not answer") };
    }
    if (response.ok) return { response };
    const json: unknown = await response.json().catch(() => undefined);
    if (response.status !== 401 || logins >= LOGINS_MAX) return { error: readError(json, response.status) };
    if (!(await loginAgain(signal))) return { error: GONE };
  }
}

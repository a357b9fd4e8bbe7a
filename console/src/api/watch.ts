/** Streams that go on until nobody looks any more: they are called again when they break, and say so. */
import { callStream } from "./call.ts";
import type { CallError } from "./error.ts";
import type { StreamMethod } from "./methods.ts";

export type WatchState =
  | { state: "live" }
  /** Broke, and is called again then. */
  | { state: "broken"; error: CallError; againMs: number }
  /** Will not work however often it is tried. */
  | { state: "refused"; error: CallError };

const WAIT_MIN_MS = 500;
const WAIT_MAX_MS = 15_000;

/** What will be no better when it is asked again. */
const PERMANENT: ReadonlySet<string> = new Set(["INVALID_ARGUMENT", "PERMISSION_DENIED", "UNIMPLEMENTED", "NOT_FOUND"]);

export interface Watcher<Response> {
  take(message: Response): void;
  tell(state: WatchState): void;
  /** It lives again: what happened meanwhile was not told. */
  again(): void;
}

/** Follows a stream until `signal`. */
export async function watch<Request, Response>(
  method: StreamMethod<Request, Response>,
  request: Request,
  watcher: Watcher<Response>,
  signal: AbortSignal,
): Promise<void> {
  watcher.tell({ state: "live" });
  for (let waitMs = WAIT_MIN_MS; !signal.aborted; ) {
    const startMs = performance.now();
    const error = await callStream(method, request, (message) => watcher.take(message), signal);
    if (signal.aborted) return;
    if (error !== undefined && PERMANENT.has(error.code)) return watcher.tell({ state: "refused", error });
    // One that lived for a while does not wait as long as one that never came up.
    if (performance.now() - startMs > WAIT_MAX_MS) waitMs = WAIT_MIN_MS;
    // A stream that the collector ended in order is called again as well, and nobody needs to know.
    if (error !== undefined) watcher.tell({ state: "broken", error, againMs: waitMs });
    await pause(waitMs, signal);
    waitMs = Math.min(waitMs * 2, WAIT_MAX_MS);
    if (signal.aborted) return;
    watcher.tell({ state: "live" });
    watcher.again();
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}

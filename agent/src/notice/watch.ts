/**
 * Asks AWS's instance metadata service whether this instance is about to end: a spot instance for its interruption, one of an Auto Scaling
 * group for the state that it is on its way to. Instances that are neither are asked seldom, as one may come into a group later.
 *
 * States: looking (what is this?) -> watching, every `intervalMs` -> looking again where there is nothing more to watch. A question that
 * fails changes nothing of what is known, and is asked again, less and less often.
 * Sources: Amazon EC2 User Guide, "Spot Instance interruption notices" (which names five seconds); Amazon EC2 Auto Scaling User Guide,
 * "Retrieve the target lifecycle state through instance metadata".
 */
import { type CloudMode, hasImds, Imds } from "../imds/index.ts";
import type { EndNotice } from "./ending.ts";

/** How often it is asked what the instance is where there is nothing to watch, and the longest pause after failures. */
const LOOK_MS = 300_000;
const FOLDER = "/latest/meta-data";

export interface EndWatchOptions {
  mode: CloudMode;
  /** Where the instance metadata service answers. */
  endpoint: string;
  intervalMs: number;
  /** What each of the two says now; undefined where it announces nothing. Told after each answer. */
  see: (by: "spot" | "autoscaling", notice: Omit<EndNotice, "by"> | undefined) => void;
}

export class EndWatch {
  readonly counters: { turns: number; failures: number } = { turns: 0, failures: 0 };
  readonly #options: EndWatchOptions;
  readonly #imds: Imds;
  /** Undefined until it was told: it never changes. */
  #isSpot: boolean | undefined;
  #isInGroup = false;
  #askGroupMs = 0;
  #failedInRow = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: EndWatchOptions) {
    this.#options = options;
    this.#imds = new Imds(options.endpoint);
    if (hasImds(options.mode)) void this.#turn();
  }

  async #turn(): Promise<void> {
    this.counters.turns++;
    try {
      await this.#look();
      this.#failedInRow = 0;
    } catch {
      this.counters.failures++;
      this.#failedInRow++;
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#turn(), this.#delayMs());
    this.#timer.unref();
  }

  #delayMs(): number {
    const { intervalMs } = this.#options;
    if (this.#failedInRow > 0) return Math.min(intervalMs * 2 ** this.#failedInRow, LOOK_MS);
    return this.#isSpot === true || this.#isInGroup ? intervalMs : LOOK_MS;
  }

  async #look(): Promise<void> {
    this.#isSpot ??= (await this.#imds.get(`${FOLDER}/instance-life-cycle`)).trim() === "spot";
    if (this.#isSpot) this.#see("spot", spotNotice(await this.#imds.find(`${FOLDER}/spot/instance-action`)));
    const nowMs = performance.now();
    if (!this.#isInGroup && nowMs < this.#askGroupMs) return;
    this.#askGroupMs = nowMs + LOOK_MS;
    const state = await this.#imds.find(`${FOLDER}/autoscaling/target-lifecycle-state`);
    this.#isInGroup = state !== undefined;
    this.#see("autoscaling", groupNotice(state));
  }

  #see(by: "spot" | "autoscaling", notice: Omit<EndNotice, "by"> | undefined): void {
    if (!this.#closed) this.#options.see(by, notice);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}

/** `{"action": "terminate", "time": "2026-01-31T12:00:00Z"}`; hibernation has no time. Throws where it is something else. */
function spotNotice(text: string | undefined): Omit<EndNotice, "by"> | undefined {
  if (text === undefined) return undefined;
  const { action, time } = JSON.parse(text) as { action?: unknown; time?: unknown };
  if (typeof action !== "string" || !/^[a-z-]{1,32}$/.test(action))
    throw new Error("spot/instance-action has no action");
  const timeMs = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return { action, timeMs: Number.isFinite(timeMs) ? timeMs : undefined };
}

/** States in which the instance does nothing any more; those of a warm pool begin with "Warmed:". */
function groupNotice(state: string | undefined): Omit<EndNotice, "by"> | undefined {
  const [, end] = /^(?:Warmed:)?(Terminated|Stopped|Hibernated)$/.exec((state ?? "").trim()) ?? [];
  const actions: Readonly<Record<string, string>> = {
    Terminated: "terminate",
    Stopped: "stop",
    Hibernated: "hibernate",
  };
  const action = actions[end ?? ""];
  return action === undefined ? undefined : { action, timeMs: undefined };
}

/** One other process, as whoever asks it sees it: whether it takes a request now, and until when it is left alone after a failure. */

/** An offer is good for so long. */
const OFFER_MS = 3000;
/** After a failure a process is not asked for so long, each time twice as long, up to a bound. */
const REST_MS = 2000;
const REST_MAX_MS = 60_000;

export class Peer {
  readonly id: string;
  #requests = 0;
  #offeredMs = 0;
  #inFlight = 0;
  #failures = 0;
  #restUntilMs = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** It takes so many requests at once. Times are those of one clock, milliseconds, here and below. */
  offer(requests: number, nowMs: number): void {
    this.#requests = requests;
    this.#offeredMs = nowMs;
  }

  /** Requests that it takes at once; 0 where its offer is old, or it is left alone. */
  requestsMax(nowMs: number): number {
    return this.#isOld(nowMs) || nowMs < this.#restUntilMs ? 0 : this.#requests;
  }

  hasRoom(nowMs: number): boolean {
    return this.#inFlight < this.requestsMax(nowMs);
  }

  /** True where it may be forgotten. */
  isGone(nowMs: number): boolean {
    return this.#isOld(nowMs) && this.#inFlight === 0 && nowMs >= this.#restUntilMs;
  }

  #isOld(nowMs: number): boolean {
    return nowMs - this.#offeredMs > OFFER_MS;
  }

  asked(): void {
    this.#inFlight++;
  }

  /** "busy" holds until its next offer. Returns how long it is left alone from now on; 0 where that is not so, or not new. */
  answered(how: "well" | "busy" | "failed", nowMs: number): number {
    this.#inFlight--;
    if (how === "busy") this.#requests = 0;
    if (how === "well") this.#failures = 0;
    if (how !== "failed") return 0;
    // Requests that were under way together fail together, and are one failure.
    if (nowMs < this.#restUntilMs) return 0;
    const restMs = Math.min(REST_MAX_MS, REST_MS * 2 ** this.#failures++);
    this.#restUntilMs = nowMs + restMs;
    return restMs;
  }
}

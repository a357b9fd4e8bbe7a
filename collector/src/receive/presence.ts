/**
 * Whose agents are connected to this node, told to the others by one small document: an idle host sends nothing, so that alone says that it
 * is there.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import type { Presence } from "../model/index.ts";

/** What it needs of the database. Each throws where that is away. */
export interface PresenceArchive {
  putPresence(presence: Presence): Promise<void>;
  removePresencesBefore(timeMs: number): Promise<void>;
}

const TELL_MS = 20_000;
/** A node that ended lately: soon enough told that agents find their collector again. */
const FIRST_TELL_MS = 2000;
/** Hosts that left are told for so long, and so many of them, the newest. */
const LEFT_MS = 86_400_000;
const LEFT_MAX = 100_000;
/** What a node told is removed when it is older; by then nobody asks when its hosts left. */
const KEPT_MS = 2 * LEFT_MS;
const CLEAN_MS = 3_600_000;

export class Presences {
  readonly #nodeId = randomBytes(8).toString("hex");
  readonly #startMs = Date.now();
  /** Open streams of each host. */
  readonly #streams = new Map<string, number>();
  /** When a host's last stream ended, the one that left first before the others. */
  readonly #left = new Map<string, number>();

  /** A host was welcomed. Call what it gives once, when the stream ends. */
  enter(hostId: string): () => void {
    this.#streams.set(hostId, (this.#streams.get(hostId) ?? 0) + 1);
    this.#left.delete(hostId);
    return () => this.#leave(hostId, Date.now());
  }

  #leave(hostId: string, nowMs: number): void {
    const others = (this.#streams.get(hostId) ?? 1) - 1;
    if (others > 0) {
      this.#streams.set(hostId, others);
      return;
    }
    this.#streams.delete(hostId);
    this.#left.set(hostId, nowMs);
    if (this.#left.size <= LEFT_MAX) return;
    const [first] = this.#left.keys();
    if (first !== undefined) this.#left.delete(first);
  }

  now(nowMs: number): Presence {
    for (const [hostId, timeMs] of this.#left) {
      if (timeMs > nowMs - LEFT_MS) break;
      this.#left.delete(hostId);
    }
    return {
      nodeId: this.#nodeId,
      startMs: this.#startMs,
      timeMs: nowMs,
      connected: [...this.#streams.keys()],
      left: [...this.#left],
    };
  }

  /** Tells it again and again until the signal ends it, and once more. */
  async tell(archive: PresenceArchive, signal: AbortSignal, logger: Logger): Promise<void> {
    let cleanedMs = -Infinity;
    for (let waitMs = FIRST_TELL_MS; ; waitMs = TELL_MS) {
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      try {
        await archive.putPresence(this.now(Date.now()));
        if (!signal.aborted && performance.now() - cleanedMs > CLEAN_MS) {
          await archive.removePresencesBefore(Date.now() - KEPT_MS);
          cleanedMs = performance.now();
        }
      } catch (error) {
        logger.warn({ error: String(error) }, "which hosts are connected cannot be told");
      }
      if (signal.aborted) return;
    }
  }
}

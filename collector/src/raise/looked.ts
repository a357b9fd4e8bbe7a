/** Which events rules were held against, by host and epoch, as those who match tell it. */
import type { LookedRange } from "@hosttrail/proto/detection";
import type { SequenceRange } from "../model/index.ts";
import { normalized, without } from "../ranges/index.ts";

/** What is stored of a host, as far as it is needed here. */
export interface StoredTrail {
  hostId: string;
  trail: readonly { epoch: bigint; floor: bigint; ranges: readonly SequenceRange[] }[];
}

/** What is not in a host's document yet, or not any more, is kept so long. */
const KEPT_MS = 86_400_000;

interface Epoch {
  /** Ascending and apart from each other. */
  ranges: SequenceRange[];
  /** When something was last added, milliseconds. */
  addedMs: number;
}

export class Looked {
  readonly #hosts = new Map<string, Map<bigint, Epoch>>();
  /** When it was begun, milliseconds since 1970: all that was stored by then is taken for looked at. 0 for never. */
  sinceMs: number;

  constructor(state: readonly LookedRange[], sinceMs: number, nowMs: number) {
    this.sinceMs = sinceMs;
    for (const range of state) this.add(range, nowMs);
  }

  /** Begins anew: what follows is added by who calls. */
  clear(): void {
    this.#hosts.clear();
    this.sinceMs = 0;
  }

  add({ hostId, epoch, first, next }: LookedRange, nowMs: number): void {
    if (first >= next) return;
    let host = this.#hosts.get(hostId);
    if (host === undefined) this.#hosts.set(hostId, (host = new Map<bigint, Epoch>()));
    const known = host.get(epoch);
    if (known === undefined) host.set(epoch, { ranges: [{ first, next }], addedMs: nowMs });
    else {
      known.addedMs = nowMs;
      known.ranges = added(known.ranges, { first, next });
    }
  }

  /** Of what is stored of a host, what was not looked at. */
  missing({ hostId, trail }: StoredTrail): LookedRange[] {
    return trail.flatMap(({ epoch, ranges }) => {
      const looked = this.#hosts.get(hostId)?.get(epoch)?.ranges ?? [];
      return without(ranges, looked).map((range) => ({ hostId, epoch, ...range }));
    });
  }

  /** Forgets of a host what is told of no more: numbers below what is known, and epochs that it had long ago. */
  trim({ hostId, trail }: StoredTrail, nowMs: number): void {
    const host = this.#hosts.get(hostId);
    const floors = new Map(trail.map(({ epoch, floor }) => [epoch, floor]));
    for (const [epoch, known] of host ?? []) {
      const floor = floors.get(epoch);
      if (floor !== undefined) known.ranges = known.ranges.filter(({ next }) => next > floor);
      else if (nowMs - known.addedMs > KEPT_MS) host?.delete(epoch);
    }
    if (host?.size === 0) this.#hosts.delete(hostId);
  }

  /** Forgets hosts that are not there any more. */
  trimHosts(known: ReadonlySet<string>, nowMs: number): void {
    for (const hostId of this.#hosts.keys()) if (!known.has(hostId)) this.trim({ hostId, trail: [] }, nowMs);
  }

  /** Content for the constructor. */
  state(): LookedRange[] {
    return [...this.#hosts].flatMap(([hostId, epochs]) =>
      [...epochs].flatMap(([epoch, { ranges }]) => ranges.map((range) => ({ hostId, epoch, ...range }))),
    );
  }
}

/** Most often it goes on where the last one ends. */
function added(ranges: SequenceRange[], range: SequenceRange): SequenceRange[] {
  const last = ranges.at(-1);
  if (last === undefined || last.first > range.first || range.first > last.next) return normalized([...ranges, range]);
  if (range.next > last.next) last.next = range.next;
  return ranges;
}

/** What a host did within a stretch of time: programs that ran, where it listened, where it connected to. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { ObjectChange } from "@hosttrail/proto/analysis";
import { BlockFacts } from "../facts.ts";
import { timestampOf } from "../times.ts";

type Kind = "program" | "listener" | "destination";

interface Habit {
  kind: Kind;
  object: string;
  firstNano: bigint;
  lastNano: bigint;
  count: number;
  eventId: string;
}

/** Habits of one stretch that are told apart. */
const HABITS_MAX = 20_000;
const OBJECT_LENGTH_MAX = 1024;

export class HabitGatherer {
  readonly #habits = new Map<string, Habit>();
  /** True where there were too many: then what is missing here may have been there. */
  isCut = false;

  add(block: ColumnBlock, events: readonly number[]): void {
    const facts = new BlockFacts(block);
    for (const event of events) {
      const { action, outcome } = facts.kindOf(event);
      if (outcome === "failure" && action !== "connected-to") continue;
      const habit = habitOf(action, facts, event);
      if (habit !== undefined && habit.object !== "") this.#note(habit, facts, event);
    }
  }

  #note({ kind, object }: Pick<Habit, "kind" | "object">, facts: BlockFacts, event: number): void {
    const key = `${kind}\0${object}`;
    const timeNano = facts.timeOf(event);
    const known = this.#habits.get(key);
    if (known === undefined) {
      if (this.#habits.size >= HABITS_MAX) {
        this.isCut = true;
        return;
      }
      const eventId = facts.block.eventId(event);
      const text = object.slice(0, OBJECT_LENGTH_MAX);
      this.#habits.set(key, { kind, object: text, firstNano: timeNano, lastNano: timeNano, count: 1, eventId });
      return;
    }
    known.count++;
    if (timeNano > known.lastNano) known.lastNano = timeNano;
    if (timeNano >= known.firstNano) return;
    known.firstNano = timeNano;
    known.eventId = facts.block.eventId(event);
  }

  /** Those that the other stretch does not have, as a change; by the time from when on they were there. */
  without(other: HabitGatherer, change: string): ObjectChange[] {
    if (other.isCut) return [];
    return [...this.#habits]
      .filter(([key]) => !other.#habits.has(key))
      .toSorted(([a, { firstNano: first }], [b, { firstNano: second }]) =>
        first === second ? (a < b ? -1 : 1) : first < second ? -1 : 1,
      )
      .map(([, { kind, object, firstNano, lastNano, count, eventId }]) => ({
        kind,
        object,
        change,
        firstTime: timestampOf(firstNano),
        lastTime: timestampOf(lastNano),
        count: BigInt(count),
        eventId,
      }));
  }
}

function habitOf(action: string, facts: BlockFacts, event: number): Pick<Habit, "kind" | "object"> | undefined {
  if (action === "executed") return { kind: "program", object: facts.processOf(event)?.executable ?? "" };
  const endpoint = facts.endpointOf(event);
  if (endpoint === undefined || endpoint.ip === "") return undefined;
  // Where it connects to has a fixed port, and where it is connected from has none.
  const object = endpoint.ip.includes(":") ? `[${endpoint.ip}]:${endpoint.port}` : `${endpoint.ip}:${endpoint.port}`;
  if (action === "bound-socket") return endpoint.port === 0 ? undefined : { kind: "listener", object };
  return action === "connected-to" ? { kind: "destination", object } : undefined;
}

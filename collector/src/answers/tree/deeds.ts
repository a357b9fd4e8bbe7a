/** What a process did, folded: the same thing done again is one deed with a count. */
import type { ProcessDeed } from "@hosttrail/proto/analysis";
import type { BlockFacts } from "../facts.ts";
import { timestampOf } from "../times.ts";

interface Deed {
  firstNano: bigint;
  lastNano: bigint;
  count: number;
  action: string;
  outcome: string;
  object: string;
  eventId: string;
}

/** Different deeds of one kind that a process is shown with; of those beyond only the events are counted. */
const DEEDS_MAX = 50;
/** Characters of an object; a command line can be megabytes. */
const OBJECT_LENGTH_MAX = 4096;

/** Room for deeds that all processes of a tree share. */
export interface DeedRoom {
  left: number;
}

export class Deeds {
  readonly #room: DeedRoom;
  readonly #deeds = new Map<string, Deed>();
  #eventsLeftOut = 0;

  constructor(room: DeedRoom) {
    this.#room = room;
  }

  add(facts: BlockFacts, event: number): void {
    const { action, outcome } = facts.kindOf(event);
    const object = facts.objectOf(event).slice(0, OBJECT_LENGTH_MAX);
    // A shell looks for a program in one directory after the other: that is one deed.
    const isLookup = facts.isLookup(event);
    const name = isLookup ? object.slice(object.lastIndexOf("/") + 1) : object;
    const key = `${action}\0${outcome}\0${isLookup ? "PATH" : ""}\0${name}`;
    const timeNano = facts.timeOf(event);
    const known = this.#deeds.get(key);
    if (known === undefined) {
      this.#begin(key, { action, outcome, object, timeNano }, () => facts.block.eventId(event));
      return;
    }
    known.count++;
    if (isLookup && known.object !== object) known.object = `${name} (along PATH)`;
    if (timeNano > known.lastNano) known.lastNano = timeNano;
    if (timeNano >= known.firstNano) return;
    known.firstNano = timeNano;
    known.eventId = facts.block.eventId(event);
  }

  #begin(
    key: string,
    { timeNano, ...what }: Pick<Deed, "action" | "outcome" | "object"> & { timeNano: bigint },
    eventId: () => string,
  ): void {
    if (this.#deeds.size >= DEEDS_MAX || this.#room.left <= 0) {
      this.#eventsLeftOut++;
      return;
    }
    this.#room.left--;
    this.#deeds.set(key, { ...what, firstNano: timeNano, lastNano: timeNano, count: 1, eventId: eventId() });
  }

  /** Events that no deed stands for. */
  get leftOut(): bigint {
    return BigInt(this.#eventsLeftOut);
  }

  /** In the order in which they began. */
  answer(): ProcessDeed[] {
    return [...this.#deeds.values()]
      .sort((a, b) => (a.firstNano === b.firstNano ? 0 : a.firstNano < b.firstNano ? -1 : 1))
      .map(({ firstNano, lastNano, count, ...what }) => ({
        ...what,
        firstTime: timestampOf(firstNano),
        lastTime: timestampOf(lastNano),
        count: BigInt(count),
      }));
  }
}

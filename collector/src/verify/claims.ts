/** What the ledgers in a host's own signed blocks say of its numbers: how far they went, and which of them it gave up. Pure. */
import type { AuditRecord } from "@hosttrail/proto/event";
import type { SequenceRange } from "../model/index.ts";

export interface EpochRange extends SequenceRange {
  epoch: bigint;
  /** What became of them. */
  fate: "evicted from its spool" | "in its quarantine";
}

const RECORD_NAME = "HOSTTRAIL_LEDGER";
const RANGE = /^([0-9a-f]{1,16})-(\d{1,20})\+(\d{1,16})$/;
const FATES = { evicted_ranges: "evicted from its spool", quarantined_ranges: "in its quarantine" } as const;
/** Ranges that are kept of one host, at most: beyond, a hole is told without its explanation. */
const RANGES_MAX = 10_000;

/** Claims as they are read. */
export class Claims {
  /** The number after the last one that was handed out, by epoch. */
  readonly next: Map<bigint, bigint> = new Map();
  readonly #given: EpochRange[] = [];

  /** Takes in what a record says, where it is a ledger; a record of user space has another type, whatever it calls itself. */
  add({ type, typeName, fields }: Pick<AuditRecord, "type" | "typeName" | "fields">): void {
    if (type !== 0 || typeName !== RECORD_NAME) return;
    const texts = new Map(fields.map(({ key, value }) => [key, value]));
    const [epoch = "", next = ""] = [texts.get("epoch"), texts.get("next_seq")];
    if (/^[0-9a-f]{1,16}$/.test(epoch) && /^\d{1,20}$/.test(next)) this.#position(BigInt(`0x${epoch}`), BigInt(next));
    for (const [name, fate] of Object.entries(FATES)) {
      for (const part of (texts.get(name) ?? "").split(" ")) this.#give(part, fate);
    }
  }

  #position(epoch: bigint, next: bigint): void {
    if (next > (this.next.get(epoch) ?? 0n) && next < 1n << 64n) this.next.set(epoch, next);
  }

  #give(text: string, fate: EpochRange["fate"]): void {
    const [, epoch, first, count] = RANGE.exec(text) ?? [];
    if (epoch === undefined || first === undefined || count === undefined || this.#given.length >= RANGES_MAX) return;
    this.#given.push({ epoch: BigInt(`0x${epoch}`), first: BigInt(first), next: BigInt(first) + BigInt(count), fate });
  }

  /** What the host says became of all of these numbers; undefined where it does not say it of each of them. */
  fateOf(epoch: bigint, { first, next }: SequenceRange): string | undefined {
    const own = this.#given.filter((each) => each.epoch === epoch).sort((a, b) => (a.first < b.first ? -1 : 1));
    const fates = new Set<string>();
    let at = first;
    for (const each of own) {
      if (each.first > at || at >= next) break;
      if (each.next <= at) continue;
      at = each.next;
      fates.add(each.fate);
    }
    return at >= next && fates.size > 0 ? [...fates].join(", ") : undefined;
  }
}

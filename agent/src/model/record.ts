/** What the steps hand to each other. */
import { type Call, writeCall } from "@hosttrail/lib/audit";
import type { Shape } from "./shape.ts";
import type { Stamp } from "./stamp.ts";

/** One record as it came from a source, its stamp taken apart. */
export interface RawRecord extends Stamp {
  /** Record type, e.g. 1300 for SYSCALL. */
  type: number;
  /** All after the stamp, as Latin-1, so that each character is one byte; without what stands in `actor` and in `call`. */
  text: string;
  /** The end of a SYSCALL's text, from `auid=` on, where the source gives it apart since it comes again and again; else empty. */
  actor: string;
  /** What a SYSCALL's text says before `auid`, where the source has read it already; then `text` is empty. */
  call: Call | undefined;
  /** What auditd wrote behind the kernel's text in an ENRICHED log: names for its numbers. Empty elsewhere. */
  enriched: string;
  /** Where the record begins in its source; what is before it need not be read again once it is spooled. */
  position: number;
  /** Of the first record of an event, whose records are all those up to the next EOE: the shape of the event, where its source knows it. */
  shape?: Shape | undefined;
}

/** All of a record's text after its stamp. */
export function textOf({ text, actor, call }: RawRecord): string {
  if (call !== undefined) return writeCall(call) + actor;
  return actor === "" ? text : text + actor;
}

/** More than the words of a call have. */
const CALL_LENGTH_MAX = 256;

/** Characters of a record's text, at least as many as it has. */
export function lengthOf({ text, actor, call }: RawRecord): number {
  return text.length + actor.length + (call === undefined ? 0 : CALL_LENGTH_MAX);
}

/** The records of one event. */
export interface RecordGroup extends Stamp {
  records: RawRecord[];
  /** Why the event may not be whole: "" where it is; "late" is a record that came after the end. */
  partial: "" | "timeout" | "bytes" | "end" | "late";
}

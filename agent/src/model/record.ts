/** What the steps hand to each other. */

/** One record as it came from a source, its stamp taken apart. */
export interface RawRecord {
  /** Record type, e.g. 1300 for SYSCALL. */
  type: number;
  /** Name of the host where forwarded logs carry one; else empty. */
  node: string;
  seconds: number;
  milliseconds: number;
  serial: number;
  /** All after the stamp, as Latin-1, so that each character is one byte. */
  text: string;
  /** What auditd wrote behind the kernel's text in an ENRICHED log: names for its numbers. Empty elsewhere. */
  enriched: string;
  /** Where the record begins in its source; what is before it need not be read again once it is spooled. */
  position: number;
}

/** The records of one event. */
export interface RecordGroup {
  node: string;
  seconds: number;
  milliseconds: number;
  serial: number;
  records: RawRecord[];
  /** Why the event may not be whole: "" where it is; "late" is a record that came after the end. */
  partial: "" | "timeout" | "bytes" | "end" | "late";
}

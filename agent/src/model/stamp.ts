/** What tells an event from all others. */
export interface Stamp {
  /** Name of the host where forwarded logs carry one; else empty. */
  node: string;
  /** Since 1970. */
  seconds: number;
  milliseconds: number;
  serial: number;
}

/** Our clock beside others'. */
import { type Finding, failed, ok, warning } from "./finding.ts";

/** What another one said, between two looks at ours; milliseconds since 1970. */
export interface ClockReading {
  beforeMs: number;
  theirMs: number;
  afterMs: number;
}

const WARNING_MS = 1000;
/** Farther off, days and windows of alerts are wrong. */
const FAILED_MS = 60_000;

/** What is within the time that asking took is not known. */
export function checkClock(whose: string, { beforeMs, theirMs, afterMs }: ClockReading): Finding {
  const offMs = theirMs < beforeMs ? beforeMs - theirMs : theirMs > afterMs ? theirMs - afterMs : 0;
  const text = `this clock and that of ${whose} differ by ${(offMs / 1000).toFixed(1)} s`;
  if (offMs >= FAILED_MS) return failed(`${text}: one of them is wrong (timedatectl; chronyc tracking)`);
  if (offMs >= WARNING_MS) return warning(`${text}: is time synchronized (timedatectl)?`);
  return ok(`this clock and that of ${whose} agree`);
}

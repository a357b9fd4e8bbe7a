/** Recorded events of real kernels: those that the repository has, and as many more as are wanted from this machine's. */
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { KernelAudit, whyNoAudit } from "@hosttrail/agent/kernel";
import type { Event } from "@hosttrail/proto/event";
import { record } from "../../e2e/differential/record.ts";
import { captureGroups, eventsOf, groupsOf } from "../capture.ts";
import { eventsOfLog } from "../rules/replay.ts";
import { readTrail, ROLES } from "../trails/trail.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const RULES = join(ROOT, "e2e/differential/broad.rules");
const WORKLOAD = join(ROOT, "e2e/differential/workload.sh");
/** Turns of the work that is recorded, at most; each makes some 9,000 events. */
const TURNS_MAX = 40;
/** Someone else may read this machine's audit for a while: an end-to-end test, most often. */
const WAIT_MS = 5000;
const WAITS_MAX = 60;

/** Trails, what was recorded for the baseline, and the capture. */
export function recordedEvents(): Event[] {
  const logs = join(ROOT, "rules/recorded");
  const files = readdirSync(logs, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".log"));
  return [
    ...ROLES.flatMap((role) => readTrail(role)),
    ...files.sort().flatMap((path) => eventsOfLog(readFileSync(join(logs, path), "latin1"))),
    ...eventsOf(captureGroups()),
  ];
}

/** Why this machine's kernel cannot be asked for more; undefined where it can. Waits for whoever reads it now. */
export async function whyNotLive(): Promise<string | undefined> {
  const why = whyNoAudit();
  if (why !== undefined) return why;
  for (let wait = 0; wait < WAITS_MAX; wait++) {
    if (new KernelAudit().status().pid === 0) return undefined;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  return `someone has read the kernel's audit for ${(WAITS_MAX * WAIT_MS) / 1000} s`;
}

/** Events of real work on this machine, at least so many unless the work makes fewer. The kernel's rules are as before afterwards. */
export async function liveEvents(count: number): Promise<Event[]> {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-recorded-"));
  const log = join(folder, "audit.log");
  try {
    await record(log, RULES, [WORKLOAD, "2"], count, TURNS_MAX);
    const lines: string[] = [];
    const input = createInterface({ input: createReadStream(log, "latin1"), crlfDelay: Number.POSITIVE_INFINITY });
    for await (const line of input) lines.push(line);
    return eventsOf(groupsOf(lines, true));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** [cloud] beside [hosts] -> coverage, looked at by one process at a time. */
import { looksAtAws } from "../config/index.ts";
import { CoverageWatch } from "../coverage/index.ts";
import { coverageHosts } from "./machines.ts";
import type { RunningRole, Shared } from "./role.ts";

const LEASE = "coverage";
const MINUTE_MS = 60_000;

export async function startCoverage(shared: Shared): Promise<RunningRole | undefined> {
  const { config, stream, archive, reach, signal, logger } = shared;
  const { aws, pollMinutes, leaseMs, graceMinutes } = config.coverage;
  if (!looksAtAws(aws)) {
    if (config.roles.includes("coverage"))
      throw new Error("the role coverage needs coverage.aws.accounts, or coverage.aws.organization: true");
    return undefined;
  }
  // Its SDK is large, and nobody else needs it.
  const { Aws } = await import("../aws/index.ts");
  const watch = new CoverageWatch(
    {
      hold: (until, work, log) => stream.lease(LEASE, leaseMs).hold(until, work, log),
      openCloud: () => new Aws(aws),
      store: archive.coverage,
      hosts: coverageHosts(archive),
    },
    {
      ...aws,
      pollMs: pollMinutes * MINUTE_MS,
      graceMs: graceMinutes * MINUTE_MS,
      silentMs: config.detect.silentMinutes * MINUTE_MS,
    },
    logger,
  );
  return { needs: [reach.nats, reach.database], work: watch.run(signal) };
}

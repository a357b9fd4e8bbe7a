/** [arrivals] -> compact -> [history] -> retain. Any number of processes compact; one of them drops what is kept by nothing any more. */
import { asideSource, compactArchive, retainArchive } from "../archives.ts";
import { Compactor } from "../compact/index.ts";
import { FileAside, Retainer } from "../retain/index.ts";
import type { RunningRole, Shared } from "./role.ts";

const LEASE = "retain";
const LEASE_MS = 30_000;
const HOUR_MS = 3_600_000;
/** Compactors give a commit up after two minutes, and look for fences before each. */
const SETTLE_MS = 600_000;

export function startCompact(shared: Shared): RunningRole {
  const { config, archive, history, reach, signal, logger } = shared;
  const compactor = new Compactor(compactArchive(archive), history, archive.hosts, config.compact, logger);
  return { needs: [reach.database], work: Promise.all([compactor.run(signal), retain(shared)]) };
}

async function retain({ config, stream, archive, signal, logger }: Shared): Promise<void> {
  const { turnMs, graceHours, clockGapHours, waitForLog, asideDirectory } = config.retention;
  const hours = { graceMs: graceHours * HOUR_MS, clockGapMs: clockGapHours * HOUR_MS };
  const aside = asideDirectory === "" ? undefined : new FileAside(asideDirectory, asideSource(archive));
  const options = { turnMs, ...hours, settleMs: SETTLE_MS, waitsForLog: waitForLog, aside };
  const retainer = new Retainer(retainArchive(archive), options, logger);
  await stream.lease(LEASE, LEASE_MS).hold(signal, (lease) => retainer.run(lease), logger);
}

/** [arrivals] -> compact -> [history]. */
import { compactArchive } from "../archives.ts";
import { Compactor } from "../compact/index.ts";
import type { RunningRole, Shared } from "./role.ts";

export function startCompact({ config, archive, history, signal, logger }: Shared): RunningRole {
  return { work: new Compactor(compactArchive(archive), history, archive.hosts, config.compact, logger).run(signal) };
}

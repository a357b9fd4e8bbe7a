/** [alerts] -> sort -> [what waits for each route] -> deliver. */
import { Notifier } from "../notify/index.ts";
import type { RunningRole, Shared } from "./role.ts";

/** Hosts of an alert whose labels are looked at. */
const HOSTS_MAX = 100;

/** Its work rejects where a route cannot be set up. */
export function startNotify({ config, stream, archive, reach, signal, logger }: Shared): RunningRole {
  const labelsOf = async (hostIds: readonly string[]): Promise<Map<string, Readonly<Record<string, string>>>> => {
    const found = await Promise.all(hostIds.slice(0, HOSTS_MAX).map((id) => archive.identities.getIdentity(id)));
    return new Map(found.flatMap((identity) => (identity === undefined ? [] : [[identity.hostId, identity.labels]])));
  };
  const notifier = new Notifier(stream.alerts, stream.notifications, labelsOf, config.notify, logger);
  return { needs: [reach.nats, reach.database], work: notifier.run(signal) };
}

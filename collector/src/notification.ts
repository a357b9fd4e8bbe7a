/** Notification's way: [alerts] -> sort -> [what waits for each route] -> deliver; and the API beside it. */
import type { Logger } from "@hosttrail/lib/log";
import { NotifyServiceService } from "@hosttrail/proto/notify";
import type { CollectorConfig } from "./config/index.ts";
import type { BlockStream } from "./jetstream/index.ts";
import type { Archive } from "./mongodb/index.ts";
import { Notifier, NotifyApi } from "./notify/index.ts";
import type { Gate, Service } from "./serve/index.ts";

/** Hosts of an alert whose labels are looked at. */
const HOSTS_MAX = 100;

/** Throws where a route cannot be set up; ends with the signal. */
export function runNotification(
  { stream, archive }: { stream: BlockStream; archive: Archive },
  { notify }: Pick<CollectorConfig, "notify">,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  const labelsOf = async (hostIds: readonly string[]): Promise<Map<string, Readonly<Record<string, string>>>> => {
    const found = await Promise.all(hostIds.slice(0, HOSTS_MAX).map((id) => archive.identities.getIdentity(id)));
    return new Map(found.flatMap((identity) => (identity === undefined ? [] : [[identity.hostId, identity.labels]])));
  };
  return new Notifier(stream.alerts, stream.notifications, labelsOf, notify, logger).run(signal);
}

export function notifyService(stream: BlockStream, gate: Gate): Service {
  const implementation = { ...new NotifyApi(stream.notifications, gate).methods };
  return { name: "hosttrail.v1.NotifyService", definition: NotifyServiceService, implementation };
}

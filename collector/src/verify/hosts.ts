/** Which hosts are checked: also those of which only the log knows that they were there. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import type { HostSelector } from "@hosttrail/proto/scan";
import type { HostFinder, TimeRange } from "../ask/index.ts";
import { invalidField, serviceError, type Visit } from "../serve/index.ts";
import type { LoggedTrails } from "./source.ts";

export interface HostSource {
  finder: HostFinder;
  /** Ids of all hosts that have a document or an identity. Throws a RetryableError where the database is away. */
  knownHosts: () => Promise<string[]>;
}

const IDS_MAX = 1000;

/** Ids in order. Throws a ServiceError where a host is named that is not there for the caller. */
export async function hostsOf(
  { finder, knownHosts }: HostSource,
  asked: HostSelector | undefined,
  { visit, range, logged }: { visit: Visit; range: TimeRange; logged: LoggedTrails | undefined },
): Promise<string[]> {
  const isNamed =
    asked !== undefined &&
    asked.names.length + asked.instanceIds.length + asked.labels.length + asked.hostIds.length > 0;
  const all = new Set([...(await knownHosts()), ...(logged?.hostIds() ?? [])]);
  const isThere = (hostId: string): boolean => all.has(hostId) && visit.hosts?.has(hostId) !== false;
  if (!isNamed) return [...all].filter(isThere).sort();
  const { hostIds, ...others } = asked;
  if (others.names.length + others.instanceIds.length + others.labels.length > 0) {
    // Names, instances and labels are those of documents and identities.
    const found = await finder.select({ hostId: "", hosts: asked }, visit.hosts, range);
    return [...(found ?? all)].sort();
  }
  if (hostIds.length > IDS_MAX) throw invalidField("hosts.host_ids", hostIds.length, `up to ${IDS_MAX} ids`);
  const wrong = hostIds.find((id) => !isHostId(id));
  if (wrong !== undefined) throw invalidField("hosts.host_ids", wrong, "32 lower case hex digits");
  const unknown = hostIds.find((id) => !isThere(id));
  if (unknown !== undefined) throw unknownHost(unknown);
  return [...new Set(hostIds)].sort();
}

export function unknownHost(hostId: string): ServiceError {
  const message = `no host that you may see has the id ${hostId}`;
  return serviceError(status.NOT_FOUND, "HOST_UNKNOWN", message, { host_id: hostId });
}

/** Facts of a host at two moments, and which of them differ. */
import type { FieldChange } from "@hosttrail/proto/analysis";
import type { Cloud, Host, Label } from "@hosttrail/proto/event";

/** What was true at one moment, as far as events tell it. */
export interface MomentFacts {
  host: Host | undefined;
  cloud: Cloud | undefined;
  /** Of the last start of the agent; empty where none is known. */
  agentVersion: string;
}

/** Facts by their ECS names, as texts; lists in an order of their own. */
function factsOf({ host, cloud, agentVersion }: MomentFacts): Map<string, string> {
  const facts: [string, string][] = [["agent.version", agentVersion]];
  if (host !== undefined)
    facts.push(
      ["host.name", host.name],
      ["host.boot.id", host.bootId],
      ["host.architecture", host.architecture],
      ["host.os.name", host.osName],
      ["host.os.version", host.osVersion],
      ["host.os.kernel", host.kernel],
      ["host.ip", [...host.ip].sort().join(", ")],
      ["host.labels", labelsOf(host.labels)],
      ["host.machine.id", host.machineId],
    );
  if (cloud !== undefined)
    facts.push(
      ["cloud.provider", cloud.provider],
      ["cloud.account.id", cloud.accountId],
      ["cloud.region", cloud.region],
      ["cloud.availability_zone", cloud.availabilityZone],
      ["cloud.instance.id", cloud.instanceId],
      ["cloud.machine.type", cloud.machineType],
      ["cloud.tags", labelsOf(cloud.tags)],
    );
  return new Map(facts);
}

function labelsOf(labels: readonly Label[]): string {
  return labels
    .map(({ key, value }) => `${key}=${value}`)
    .sort()
    .join(", ");
}

/** Facts that differ, in the order of their names. */
export function changedFacts(from: MomentFacts, to: MomentFacts): FieldChange[] {
  const [before, after] = [factsOf(from), factsOf(to)];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .map((field) => ({ field, from: before.get(field) ?? "", to: after.get(field) ?? "" }))
    .filter((change) => change.from !== change.to);
}

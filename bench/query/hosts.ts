/** What the database knows of the hosts of a made history, as if they had sent it. */
import type { Archive } from "@hosttrail/collector/mongodb";
import { hostIdOf, hostNameOf, type HistoryPlan } from "./plan.ts";

type Stored = Parameters<Archive["hosts"]["putHosts"]>[0][number];

export async function putHosts(archive: Archive, { hosts, startMs, endMs }: HistoryPlan): Promise<void> {
  const [firstNano, lastNano] = [BigInt(startMs) * 1_000_000n, BigInt(endMs) * 1_000_000n];
  for (const plan of hosts) {
    const hostId = hostIdOf(plan);
    if ((await archive.hosts.getHosts([hostId])).size > 0) continue;
    const name = hostNameOf(plan);
    const host: Stored["host"] = {
      hostId,
      name,
      bootId: "",
      agentVersion: "0.1.0",
      kernel: "",
      osName: "",
      osVersion: "",
      architecture: "x86_64",
      cloudAccount: "",
      firstEventNano: firstNano,
      lastEventNano: lastNano,
      firstReceivedMs: endMs,
      lastReceivedMs: endMs,
      clockOffsetMs: 0,
      clockSinceMs: 0,
      goodbye: "stopped",
      trail: [],
      faults: { forkedBlocks: 0, brokenLinks: 0, outsideBlocks: 0, deadBlocks: 0 },
      faultTimes: { forkedMs: 0, brokenMs: 0, missingMs: 0, outsideMs: 0, deadMs: 0 },
      missingEvents: 0,
      names: [{ text: name, firstNano, lastNano }],
      instances: [],
    };
    await archive.hosts.putHosts([{ host, version: 0 }]);
  }
}

/** The small fleet of docs/query.md: three hosts, of which one is gone, with recorded work and an incident, at fixed times. */
import { Enricher } from "@hosttrail/agent/enrich";
import { decode } from "@hosttrail/agent/decode";
import { reportEvent } from "@hosttrail/agent/report";
import { condenseRecords } from "@hosttrail/lib/audit";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import type { Archive } from "@hosttrail/collector/mongodb";
import { Cloud, Event, Host } from "@hosttrail/proto/event";
import { groupsOf } from "../../bench/capture.ts";
import { readTrail } from "../../bench/trails/trail.ts";
import { hostIdOf, PublishingHost } from "../publisher.ts";
import { administration, attempts, connection, earlier, intrusion } from "./incident.ts";

/** When the document's questions are asked. */
export const NOW = "2026-11-24T09:30:00.000Z";

const BLOCK_EVENTS = 400;
/** Recorded trails are some seconds long; here their events happen in an hour or two. */
const SLOWER = 400n;

interface Machine {
  name: string;
  labels: Readonly<Record<string, string>>;
  agentVersion: string;
  host: Partial<Host>;
  cloud?: Partial<Cloud>;
}

const DEBIAN = { architecture: "x86_64", osName: "Debian GNU/Linux", osVersion: "12" };
const OLD_KERNEL = "6.1.0-40-amd64";
const NEW_KERNEL = "6.1.0-41-amd64";
const OLD_AGENT = "0.9.2";
const NEW_AGENT = "1.0.0";

const WEB: Machine = {
  name: "web1",
  labels: { env: "prod", role: "web" },
  agentVersion: NEW_AGENT,
  host: { ...DEBIAN, kernel: NEW_KERNEL, ip: ["192.0.2.11"], bootId: "boot-web1-2" },
};
const WEB_BEFORE: Machine = { ...WEB, host: { ...WEB.host, kernel: OLD_KERNEL, bootId: "boot-web1-1" } };
const DATABASE: Machine = {
  name: "db1",
  labels: { env: "prod", role: "database" },
  agentVersion: NEW_AGENT,
  host: { ...DEBIAN, kernel: NEW_KERNEL, ip: ["192.0.2.12"], bootId: "boot-db1-1" },
};
const BUILDER: Machine = {
  name: "ci7",
  labels: { env: "ci" },
  agentVersion: OLD_AGENT,
  host: { ...DEBIAN, kernel: OLD_KERNEL, ip: ["192.0.2.70"], bootId: "boot-ci7-1" },
  cloud: {
    provider: "aws",
    accountId: "123456789012",
    region: "eu-central-1",
    availabilityZone: "eu-central-1b",
    instanceId: "i-0a1b2c3d4e5f60718",
    machineType: "c7i.large",
  },
};

/** What a host's agent would have made of a log: reassembled, decoded, enriched, condensed. */
function eventsOfLog({ name, host }: Machine, text: string): Event[] {
  const hostId = hostIdOf(name);
  const enricher = new Enricher({
    hostId,
    bootId: host.bootId ?? "",
    labels: {},
    local: false,
    executableHashBytesMax: 0,
    cloud: "none",
    imdsEndpoint: "",
    redact: (args) => args,
  });
  return groupsOf(text.split("\n"), true).map((group) => {
    const { event, words, executed } = decode(group);
    enricher.enrich(event, executed, 0);
    if (event.audit !== undefined) event.audit.records = condenseRecords(event, words);
    return event;
  });
}

/** A recorded trail, from `time` on, and slower. */
function worked(role: Parameters<typeof readTrail>[0], time: string, count: number): Event[] {
  const trail = readTrail(role).slice(0, count);
  const first = trail[0]?.event?.timeUnixNano ?? 0n;
  const start = BigInt(Date.parse(time)) * 1_000_000n;
  const moved = (nano: bigint): bigint => (nano === 0n ? 0n : start + (nano - first) * SLOWER);
  return trail.map((each) => {
    const { event, process } = each;
    if (event === undefined) throw new Error("an event without a time");
    return {
      ...each,
      event: { ...event, timeUnixNano: moved(event.timeUnixNano) },
      process: process && { ...process, startUnixNano: moved(process.startUnixNano) },
    };
  });
}

/** The agent says that it runs. */
function started(time: string, version: string): Event {
  const fields = { version, mode: "unicast" };
  return reportEvent({ action: "started-agent", name: "START", outcome: "success", fields }, Date.parse(time));
}

/** All that happened on a machine while its facts were these, by time. */
function told({ name, labels, host, cloud }: Machine, ...parts: readonly Event[][]): Event[] {
  const about = Host.fromPartial({
    ...host,
    id: hostIdOf(name),
    name,
    labels: Object.entries(labels).map(([key, value]) => ({ key, value })),
  });
  return parts
    .flat()
    .map((event) => ({ ...event, host: about, cloud: cloud && Cloud.fromPartial(cloud) }))
    .toSorted((a, b) => Number((a.event?.timeUnixNano ?? 0n) - (b.event?.timeUnixNano ?? 0n)));
}

const STORY: readonly (readonly [Machine, () => Event[]])[] = [
  [
    BUILDER,
    () =>
      told(
        BUILDER,
        [started("2026-11-10T09:02:00Z", OLD_AGENT)],
        worked("build", "2026-11-10T09:20:00Z", 1200),
        eventsOfLog(BUILDER, earlier()),
      ),
  ],
  [
    WEB,
    () => [
      ...told(WEB_BEFORE, [started("2026-11-16T08:00:00Z", OLD_AGENT)], worked("web", "2026-11-17T09:00:00Z", 500)),
      ...told(
        WEB,
        [started("2026-11-20T02:03:11Z", NEW_AGENT)],
        eventsOfLog(WEB, administration()),
        worked("web", "2026-11-24T02:30:00Z", 3000),
        eventsOfLog(WEB, intrusion()),
      ),
    ],
  ],
  [
    DATABASE,
    () =>
      told(
        DATABASE,
        [started("2026-11-18T07:12:00Z", NEW_AGENT)],
        worked("admin", "2026-11-23T10:00:00Z", 2500),
        eventsOfLog(DATABASE, attempts()),
      ),
  ],
];

/** As an agent cuts them: by their number, and at midnight. */
function blocksOf(events: readonly Event[]): Event[][] {
  const dayOf = (event: Event): string =>
    new Date(Number((event.event?.timeUnixNano ?? 0n) / 1_000_000n)).toISOString().slice(0, 10);
  return [...Map.groupBy(events, dayOf).values()].flatMap((day) =>
    Array.from({ length: Math.ceil(day.length / BLOCK_EVENTS) }, (_, at) =>
      day.slice(at * BLOCK_EVENTS, (at + 1) * BLOCK_EVENTS),
    ),
  );
}

/** Enrols the hosts and publishes all of their events, each host's in the order in which they happened. */
export async function publishFleet(stream: BlockStream, archive: Archive): Promise<void> {
  for (const [{ name, labels, agentVersion }, story] of STORY) {
    const host = new PublishingHost(name, 1n, undefined, agentVersion);
    const none = { expireMs: 0, revokeMs: 0, revokeReason: "", boots: [], clonedBoots: [] };
    const enrollMs = Date.parse("2026-11-01T00:00:00Z");
    const about = { hostId: host.hostId, hostName: name, labels, proof: "token:cookbook", keyFingerprint: host.hostId };
    await archive.identities.insertIdentity({ ...about, enrollMs, ...none });
    for (const events of blocksOf(story())) await host.publish(stream, host.seal(events));
  }
}

const live = new PublishingHost(WEB.name, 2n, undefined, WEB.agentVersion);

/** Publishes an event of now, as if web1's agent had begun again. */
export async function publishNow(stream: BlockStream): Promise<void> {
  await live.publish(stream, live.seal(told(WEB, eventsOfLog(WEB, connection()))));
}

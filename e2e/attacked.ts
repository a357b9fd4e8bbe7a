/** A stack whose history attacks are tried on: a year of one host, a busy day of another, one of another team, all of it compacted. */
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { Archive } from "@hosttrail/collector/mongodb";
import { openLogger } from "@hosttrail/lib/log";
import { Event } from "@hosttrail/proto/event";
import { readTrail } from "../bench/trails/trail.ts";
import { eventually, openStack } from "./environment.ts";
import { openBlockStream, PublishingHost } from "./publisher.ts";

const DAY_NANO = 86_400_000_000_000n;
const SECOND_NANO = 1_000_000_000n;
/** Noon of the day before yesterday. */
export const NOON: bigint = (BigInt(Date.now()) / 86_400_000n - 2n) * DAY_NANO + DAY_NANO / 2n;
const BLOCK_EVENTS = 500;
const YEAR_BLOCKS = 40;
export const YEAR_EVENTS: number = YEAR_BLOCKS * BLOCK_EVENTS;
export const BUSY_EVENTS = 40_000;
/** What engines that go back choke on. */
const EVIL_WORD = `${"a".repeat(20_000)}!`;

export interface Attacked {
  stack: Awaited<ReturnType<typeof openStack>>;
  archive: Archive;
  year: PublishingHost;
  busy: PublishingHost;
  other: PublishingHost;
  close(): Promise<void>;
}

export async function openAttacked(): Promise<Attacked> {
  const bindings = [
    { subject: "certificate:dev", role: "admin" },
    { subject: "certificate:other", role: "admin" },
    { subject: "certificate:scoped", role: "viewer", scope: { team: "b" } },
  ];
  // The collector's own compaction is asleep.
  const compact = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
  const stack = await openStack({ collector: { access: { bindings }, compact } });
  await stack.startServices();
  await stack.startCollector();
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const [year, busy, other] = ["year-1", "busy-1", "other-1"].map((name) => new PublishingHost(name)) as [
    PublishingHost,
    PublishingHost,
    PublishingHost,
  ];
  await archive.identities.insertIdentity(identityOf(other.hostId));
  const stream = await openBlockStream(stack);
  try {
    for (let block = 0; block < YEAR_BLOCKS; block++)
      await year.publish(stream, year.seal(worked(BLOCK_EVENTS, NOON - BigInt(YEAR_BLOCKS - block) * 9n * DAY_NANO)));
    for (let at = 0; at < BUSY_EVENTS; at += BLOCK_EVENTS)
      await busy.publish(stream, busy.seal(worked(BLOCK_EVENTS, NOON + BigInt(at) * 100_000_000n)));
    await other.publish(stream, other.seal([...worked(100, NOON), evil(NOON + 200n * SECOND_NANO)]));
    await eventually("all events being stored", 120_000, async () => (await stream.lag()) === 0 || undefined);
  } finally {
    await stream.close();
  }
  const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
  const history = new History(historySource(archive));
  const logger = openLogger("test", "error");
  const compactor = new Compactor(compactArchive(archive), history, archive.hosts, options, logger);
  await compactor.compactWaiting();
  await compactor.close();
  return {
    stack,
    archive,
    year,
    busy,
    other,
    async close() {
      await archive.close();
      await stack[Symbol.asyncDispose]();
    },
  };
}

function identityOf(hostId: string): Parameters<Archive["identities"]["insertIdentity"]>[0] {
  const none = { expireMs: 0, revokeMs: 0, revokeReason: "", boots: [], clonedBoots: [] };
  const about = {
    hostName: "other-1",
    labels: { team: "b" },
    proof: "token:test",
    keyFingerprint: hostId,
    enrollMs: 1,
  };
  return { hostId, ...about, ...none };
}

const trail = readTrail("admin");

/** Recorded events, a tenth of a second apart. */
function worked(count: number, startNano: bigint): Event[] {
  return Array.from({ length: count }, (_, at) => {
    const event = trail[at % trail.length] as Event;
    const timeUnixNano = startNano + BigInt(at) * 100_000_000n;
    return { ...event, event: Event.fromPartial({ event: { ...event.event, timeUnixNano } }).event };
  });
}

function evil(timeUnixNano: bigint): Event {
  return Event.fromPartial({
    event: { timeUnixNano, action: "executed", category: ["process"] },
    process: { name: "evil", args: ["evil", EVIL_WORD] },
  });
}

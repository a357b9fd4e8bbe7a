/** A run: hosts make events, something is done to the parts meanwhile, and in the end everything must be right. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { credentials } from "@grpc/grpc-js";
import { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { openLogger } from "@hosttrail/lib/log";
import { QueryServiceClient } from "@hosttrail/proto/query";
import { parse } from "yaml";
import { type Fault, Faults } from "./faults.ts";
import { alertsOf, alertsWithoutFaults, checkChains, checkEvents, putRules, settled } from "./outcome.ts";
import { Random } from "./random.ts";
import { streamsOf } from "./state.ts";
import { EVENT_INTERVAL_MS } from "./work.ts";
import { World } from "./world.ts";

export interface LifeOptions {
  seed: number;
  hosts: number;
  /** How long hosts make events. */
  lastsMs: number;
}

export interface RunOptions extends Omit<LifeOptions, "lastsMs"> {
  faults: number;
  /** From one fault to the next, on average. */
  intervalMs: number;
}

export interface LifeResult {
  events: number;
  alerts: number;
}

/** Something that is done to a world. */
export type Happening = (world: World, random: Random) => Promise<void>;
type Say = (text: string) => void;

const HOSTS_MAX = 10_000;
/** From the preparation of a world to the first event. */
const MARGIN_MS = 20_000;
/** After the faults something must be stored in every such time. */
const SETTLE_MS = 240_000;

/** A run under random faults. Throws where anything is lost, doubled, altered, or told otherwise than without them. */
export async function chaos({
  faults: count,
  intervalMs,
  ...options
}: RunOptions): Promise<LifeResult & { faults: Fault[] }> {
  let done: Fault[] = [];
  const result = await live({ ...options, lastsMs: count * intervalMs }, async (world, say) => {
    const faults = new Faults(world, new Random(options.seed));
    await faults.run(count, intervalMs);
    ({ done } = faults);
    say(`${count} faults are over: ${tally(done)}`);
    assert.deepEqual(faults.died, [], "parts that ended by themselves");
  });
  return { ...result, faults: done };
}

/** A world whose hosts work while `meanwhile` does something to it; in the end everything must be right. */
export async function live(
  { seed, hosts, lastsMs }: LifeOptions,
  meanwhile: (world: World, say: Say) => Promise<void>,
): Promise<LifeResult> {
  const startMs = Date.now() + MARGIN_MS;
  const events = Math.ceil(lastsMs / EVENT_INTERVAL_MS / 5) * 5;
  const say = (text: string): void => void process.stderr.write(`▸ seed ${seed}: ${text}\n`);
  await using world = await World.prepare({ hosts, startMs, events });
  await world.startServices();
  await giveRules(world);
  await world.startCollectors();
  const archive = Archive.open({ url: world.databaseUrl, database: world.database });
  const stream = await BlockStream.open(streamOptions(world), openLogger("chaos", "error"));
  const client = queryClient(world);
  try {
    await stream.matches.prepareMatching(3_600_000);
    world.startHosts();
    say(`${hosts} hosts make ${events} events each`);
    await meanwhile(world, say);
    await world.hostsDone(() => storedUpTo(archive), SETTLE_MS);
    await world.ready();
    await settled(stream, archive, SETTLE_MS);
    say("all is stored and compacted");
    world.assertRunning();
    await checkEvents(client, world.hostIds, events);
    say(`${hosts * events} events are found, none is missing and none twice`);
    await checkChains(world.profileFile);
    say("hosttrail verify says verified of all hosts");
    const found = await alertsOf(archive);
    const wanted = await alertsWithoutFaults(world.hostIds, events, startMs);
    assert.ok(wanted.size > 0);
    assert.deepEqual([...found.keys()].sort(), [...wanted.keys()].sort(), "alerts");
    for (const [id, alert] of wanted) assert.deepEqual(found.get(id), alert, id);
    say(`${found.size} alerts, as without faults`);
    return { events: hosts * events, alerts: found.size };
  } catch (error) {
    for (const url of world.monitorUrls) say(`${url}: ${await streamsOf(url)}`);
    for (const { name, child } of world.parts) say(`${name} says last:\n${child.logTail(12)}`);
    throw error;
  } finally {
    client.close();
    await stream.close();
    await archive.close();
  }
}

/** Grows with what is stored: each host's blocks are stored in the order of their times. */
async function storedUpTo(archive: Archive): Promise<bigint> {
  const hosts = await archive.hosts.listHosts("", HOSTS_MAX, undefined);
  return hosts.reduce((sum, { lastEventNano }) => sum + lastEventNano, 0n);
}

/** Before there are collectors: one that the faults cut off from the database goes on with the rules that it has. */
async function giveRules({ databaseUrl, database }: World): Promise<void> {
  const archive = Archive.open({ url: databaseUrl, database });
  try {
    await putRules(archive);
  } finally {
    await archive.close();
  }
}

function streamOptions({ natsUrls }: World): Parameters<typeof BlockStream.open>[0] {
  return {
    servers: [...natsUrls],
    credentials: "",
    publishTimeoutMs: 5000,
    replicas: 3,
    streams: 3,
    streamBytesMax: 64 * 1024 * 1024,
    ackWaitMs: 5000,
    isManaging: false,
  };
}

export function tally(faults: readonly Fault[]): string {
  const counts = new Map<string, number>();
  for (const { kind, part } of faults) {
    const what = `${kind} ${part.replace(/-\w+$/, "").replace(/^site$/, "collectors")}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return Array.from(counts, ([what, count]) => `${what} ${count}`)
    .sort()
    .join(", ");
}

function queryClient({ profileFile }: World): QueryServiceClient {
  const profile = parse(readFileSync(profileFile, "utf8")) as Record<string, string>;
  const [ca, key, certificate] = ["ca_file", "key_file", "certificate_file"].map((each) =>
    readFileSync(profile[each] ?? ""),
  );
  return new QueryServiceClient(
    profile["endpoint"] ?? "",
    credentials.createSsl(ca ?? null, key ?? null, certificate ?? null),
    // A certificate is held against a name.
    { "grpc.max_receive_message_length": 256 * 1024 * 1024, "grpc.ssl_target_name_override": "localhost" },
  );
}

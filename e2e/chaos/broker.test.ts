/**
 * The broker is not trusted: it acknowledges before its disk has what it acknowledged. Its stream is deleted, bits are flipped in its files, all
 * of its nodes die at once with the ends of their files. Agents free what is *stored* and nothing else, so all of it comes again.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { askJetStream } from "../rawnats.ts";
import { blockFiles, cutEnd, flipBit } from "./broker.ts";
import { whyNoNetwork } from "./network.ts";
import { Random } from "./random.ts";
import { type Happening, live } from "./run.ts";
import type { World } from "./world.ts";

const missing = whyNoNetwork();
const SEED = Number(process.env["HOSTTRAIL_SEED"] ?? randomInt(2 ** 31));

/** Each at its time of the run, while hosts work and what they sent waits in the streams. */
const HAPPENINGS: readonly (readonly [string, Happening])[] = [
  [
    "a stream of blocks is deleted",
    async (world) => {
      const url = world.natsUrls[0] ?? "";
      const { streams } = (await askJetStream(url, "STREAM.NAMES", {})) as { streams: string[] };
      const [name] = streams.filter((each) => each.startsWith("HOSTTRAIL_BLOCKS_"));
      const { state } = (await askJetStream(url, `STREAM.INFO.${name}`, {})) as { state: { messages: number } };
      assert.ok(state.messages > 0, "nothing waits in the stream");
      await askJetStream(url, `STREAM.DELETE.${name}`, {});
    },
  ],
  ["bits are flipped in the files of all nodes", (world, random) => damage(world, (file) => flipBit(file, random))],
  [
    "all nodes die at once, with the ends of their files",
    (world, random) => damage(world, (file) => cutEnd(file, random)),
  ],
];

async function damage(world: World, change: (file: string) => void): Promise<void> {
  let damaged = 0;
  await world.whileDown("nats", ({ disk }) => {
    for (const file of blockFiles(disk?.path ?? "")) {
      change(file);
      damaged++;
    }
  });
  assert.ok(damaged > 0, "no node had a file with messages");
}

describe("a broker that loses what it acknowledged", () => {
  it(`costs a replay and no event (seed ${SEED})`, { skip: missing ?? false, timeout: 600_000 }, async () => {
    const random = new Random(SEED);
    const result = await live({ seed: SEED, hosts: 20, lastsMs: 45_000 }, async (world, say) => {
      await sleep(25_000);
      for (const [what, happen] of HAPPENINGS) {
        // Nobody stores meanwhile: agents were told that all of it is received.
        const stores = world.parts.filter(({ name }) => name.endsWith("-store"));
        await Promise.all(stores.map(({ child }) => child.kill("SIGKILL")));
        await sleep(4000);
        say(what);
        await happen(world, random);
        for (const { child } of stores) child.start();
        await sleep(6000);
      }
    });
    assert.ok(result.alerts > 0);
  });
});

/**
 * Several processes change the same host's document at once, on a real database whose updates are no single step: what each of them said stands
 * there in the end, and what hosts are said to have is what their blocks say.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Archive } from "@hosttrail/collector/mongodb";
import { extendTrail, HostBook } from "@hosttrail/collector/trail";
import { Event } from "@hosttrail/proto/event";
import { mongodbService, type Service } from "@hosttrail/stack";
import { eventually, openStack } from "./environment.ts";
import { malformed } from "./ledgerhost.ts";
import { openBlockStream, PublishingHost } from "./publisher.ts";

const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const HOST = "a".repeat(32);
const WRITERS = 4;
const BLOCKS = 200;
const CHANGES = Number(process.env["HOSTTRAIL_HOST_CHANGES"] ?? 150);

let directory: string;
let database: Service;
const archives: Archive[] = [];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "hosttrail-hosts-"));
  database = await mongodbService({ directory, tools: TOOLS, say: () => undefined });
  await database.start();
  for (let at = 0; at < WRITERS; at++) archives.push(Archive.open({ url: database.url, database: "races" }));
});
after(async () => {
  for (const archive of archives) await archive.close();
  await database?.child?.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe("a host's document", { timeout: 240_000 }, () => {
  it("has what each of several writers added, and no version of it was written twice", async () => {
    const books = archives.map(({ hosts }) => new HostBook(hosts));
    await Promise.all(
      books.map(async (book, writer) => {
        for (let at = 0; at < CHANGES; at++) {
          const link = {
            epoch: BigInt(writer + 1),
            firstSeq: BigInt(at),
            count: 1,
            hash: `${writer} ${at}`,
            previous: "",
          };
          await book.change(
            new Map([
              [
                HOST,
                (host) => ({
                  ...host,
                  trail: extendTrail(host.trail, { ...link, previous: at === 0 ? "" : `${writer} ${at - 1}` }, at)
                    .trail,
                  faults: { ...host.faults, deadBlocks: host.faults.deadBlocks + 1 },
                }),
              ],
            ]),
          );
        }
      }),
    );
    const [archive] = archives;
    const host = await archive?.hosts.getHost(HOST);
    assert.equal(host?.faults.deadBlocks, WRITERS * CHANGES);
    assert.deepEqual(
      host.trail.map(({ ranges }) => ranges.map(({ first, next }) => [first, next])),
      Array.from({ length: WRITERS }, () => [[0n, BigInt(CHANGES)]]),
    );
    const found = await archive?.hosts.getHosts([HOST]);
    assert.equal(found?.get(HOST)?.version, WRITERS * CHANGES);
  });

  it("has every boot that some node noted", async () => {
    await Promise.all(
      archives.map(async ({ identities }, writer) => {
        for (let at = 0; at < 4; at++)
          await identities.changeBoots(HOST, ({ boots, clonedBoots }) => ({
            boots: [...boots, `${writer}-${at}`],
            clonedBoots,
          }));
      }),
    );
    await archives[0]?.identities.insertIdentity({
      hostId: HOST,
      hostName: "a",
      labels: {},
      proof: "token:test",
      keyFingerprint: HOST,
      enrollMs: 1,
      expireMs: 0,
      revokeMs: 0,
      revokeReason: "",
      boots: [],
      clonedBoots: [],
    });
    const identity = await archives[1]?.identities.getIdentity(HOST);
    const all = archives.flatMap((_, writer) => [0, 1, 2, 3].map((at) => `${writer}-${at}`));
    assert.deepEqual(identity?.boots.toSorted(), all.toSorted());
  });
});

/** Two store processes of a real stack share a host's blocks. */
describe("a host whose blocks two store processes take", { timeout: 240_000 }, () => {
  it("is known as its blocks say", async () => {
    const roles = ["store", "query", "ingest", "enroll"];
    await using stack = await openStack({ collector: { roles, store: { batch_max: 1 } } });
    await stack.startServices();
    await stack.startCollector();
    await stack.startAnotherCollector({ roles: ["store"] });
    const stream = await openBlockStream(stack);
    const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    try {
      const host = new PublishingHost("shared");
      const event = (at: number) =>
        Event.fromPartial({ event: { action: "worked", timeUnixNano: BigInt(Date.now()) * 1_000_000n + BigInt(at) } });
      const dead = { hostId: host.hostId, hostName: "shared", signer: "" };
      const broken = new PublishingHost("shared", 2n, host.hostId);
      for (let at = 0; at < BLOCKS; at++) {
        await host.publish(stream, host.seal([event(at), event(at)]));
        if (at % 10 !== 0) continue;
        const sealed = broken.seal([event(at)]);
        await stream.publish({ ...sealed, ...dead, bytes: malformed(sealed.bytes) });
      }
      const known = await eventually("all of it being noted", 120_000, async () => {
        const record = await archive.hosts.getHost(host.hostId);
        const trail = record?.trail.find(({ epoch }) => epoch === 1n);
        const has = Number(trail?.ranges.reduce((sum, { first, next }) => sum + (next - first), 0n));
        if (has < 2 * BLOCKS || record?.faults.deadBlocks !== BLOCKS / 10)
          throw new Error(`${has} events, ${record?.faults.deadBlocks} dead blocks`);
        return { record, trail };
      });
      assert.deepEqual(
        known.trail?.ranges.map(({ first, next }) => [first, next]),
        [[0n, BigInt(2 * BLOCKS)]],
      );
      assert.deepEqual([known.record.faults.deadBlocks, known.record.faults.brokenLinks], [BLOCKS / 10, 0]);
    } finally {
      await stream.close();
      await archive.close();
    }
  });
});

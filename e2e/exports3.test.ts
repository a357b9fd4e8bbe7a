/**
 * Events exported into a bucket of a stand-in of S3 (moto), read back by DuckDB: whole after the process was killed, while the store is away and after
 * it, and nothing of a bucket that refuses holds up another one.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { motoPython, startMoto } from "./aws/moto.ts";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { duck, WHY_NO_READERS } from "./export/readers.ts";
import { exportProcess } from "./exportprocess.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";

const WAIT_MS = 120_000;
const BLOCKS = 40;
const EVENTS = 50;
/** Nobody's: the stand-in takes any. */
const KEYS = { accessKeyId: "testing", secretAccessKey: "testing" };
const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
  AWS_EC2_METADATA_DISABLED: "true",
};

const moto = motoPython();
const skip = typeof moto === "string" ? moto : WHY_NO_READERS;

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let cloud: Awaited<ReturnType<typeof startMoto>>;
let s3: S3Client;

if (skip === false) {
  before(async () => {
    if (typeof moto === "string") return;
    stack = await openStack({ collector: { compact: { turn_ms: 300, age_ms: 1000, blocks_min: 4 } } });
    cloud = await startMoto(moto.python);
    const endpoint = `http://127.0.0.1:${cloud.port}`;
    s3 = new S3Client({ endpoint, region: "eu-west-1", credentials: KEYS, forcePathStyle: true });
    const place = { CreateBucketConfiguration: { LocationConstraint: "eu-west-1" } } as const;
    await s3.send(new CreateBucketCommand({ Bucket: "trail", ...place }));
    await stack.startServices();
    await stack.startCollector();
    stream = await openBlockStream(stack);
  });
  after(async () => {
    s3?.destroy();
    await stream?.close();
    await stack?.[Symbol.asyncDispose]();
    await cloud?.stop();
  });
}

/** All objects below a prefix, written into a folder as the bucket has them; gives how many. */
async function fetched(prefix: string, folder: string): Promise<number> {
  let files = 0;
  for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
    const more = token === undefined ? {} : { ContinuationToken: token };
    const page = await s3.send(new ListObjectsV2Command({ Bucket: "trail", Prefix: prefix, ...more }));
    for (const { Key = "" } of page.Contents ?? []) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: "trail", Key }));
      const path = join(folder, Key);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, (await Body?.transformToByteArray()) ?? "");
      files++;
    }
    token = page.NextContinuationToken;
  }
  return files;
}

describe("export into a bucket", { skip }, () => {
  it("has the same events as a search, also when it was killed, and a bucket that is not there holds up no other", async () => {
    const endpoint = `http://127.0.0.1:${cloud.port}`;
    const common = { target: "s3", begin: "stored", every_seconds: 1, events_max: 100, endpoint, path_style: true };
    const exporter = await exportProcess(
      stack,
      "s3",
      [
        { ...common, name: "bucket", bucket: "trail", prefix: "a/b", region: "eu-west-1" },
        { ...common, name: "nowhere", bucket: "nowhere" },
      ],
      {},
      ENVIRONMENT,
    );
    const host = new PublishingHost("web1");
    exporter.child.start();
    for (let block = 0; block < BLOCKS; block++) {
      const list = Array.from({ length: EVENTS }, (_, at) =>
        executed(["run", String(block * EVENTS + at)], BigInt(Date.now()) * 1_000_000n + BigInt(at)),
      );
      await host.publish(stream, host.seal(list));
      if (block % 10 !== 9) continue;
      await sleep(Math.random() * 1500);
      await exporter.child.kill("SIGKILL");
      exporter.child.start();
    }
    try {
      await eventually("blocks being stored", WAIT_MS, async () => (await stream.lag()) === 0 || undefined);
      const storedMs = Date.now();
      await eventually("the bucket having all", WAIT_MS, async () => {
        const seconds = await exporter.metric("hosttrail_export_caught_up_timestamp_seconds", "bucket");
        return (seconds !== undefined && seconds * 1000 >= storedMs) || undefined;
      });
      assert.equal(await exporter.metric("hosttrail_export_failing", "nowhere"), 1);
      assert.match(
        exporter.child.logTail(500),
        /"target":"nowhere".*s3:\/\/nowhere\/events\/.* cannot be written: NoSuchBucket/,
      );
    } finally {
      await exporter.child.stop();
    }
    const client = queryClient(stack);
    const events = await searchAll(client, { filter: "", pageSize: 1000 });
    client.close();
    assert.equal(events.length, BLOCKS * EVENTS);
    const folder = join(dirname(stack.agentConfigFile), "fetched");
    assert.ok((await fetched("a/b/events/", folder)) >= (BLOCKS * EVENTS) / 100);
    const rows = duck<{ id: string; line: string }>(
      `SELECT "event.id" AS id, "process.command_line" AS line FROM read_parquet('${folder}/a/b/events/*/*.parquet') ORDER BY id`,
    );
    const wanted = events.map(({ id, process }) => ({ id, line: process?.args.join(" ") }));
    // Short, whatever it is: a retry has replaced what was there, and nothing is there twice.
    assert.equal(rows.length, wanted.length);
    const byId = new Map(rows.map(({ id, line }) => [id, line]));
    for (const { id, line } of wanted) assert.equal(byId.get(id), line, id);
  });

  it("goes on where the store was away", async () => {
    if (typeof moto === "string") return;
    const { port } = cloud;
    await cloud.stop();
    const endpoint = `http://127.0.0.1:${port}`;
    const target = {
      target: "s3",
      name: "away",
      bucket: "trail",
      begin: "stored",
      every_seconds: 1,
      endpoint,
      path_style: true,
    };
    const exporter = await exportProcess(stack, "s3away", [target], {}, ENVIRONMENT);
    exporter.child.start();
    try {
      await eventually(
        "a failure",
        WAIT_MS,
        async () => (await exporter.metric("hosttrail_export_failing", "away")) === 1 || undefined,
      );
      assert.match(exporter.child.logTail(500), /cannot be written: .*ECONNREFUSED/);
      cloud = await startMoto(moto.python, port);
      // All that it had was in its memory.
      await s3.send(
        new CreateBucketCommand({ Bucket: "trail", CreateBucketConfiguration: { LocationConstraint: "eu-west-1" } }),
      );
      await eventually("the store having all", WAIT_MS, async () => {
        const rows = await exporter
          .metric("hosttrail_export_rows_total", "away", ',kind="event"')
          .catch(() => undefined);
        return (rows !== undefined && rows >= BLOCKS * EVENTS) || undefined;
      });
    } finally {
      await exporter.child.stop();
    }
    const folder = join(dirname(stack.agentConfigFile), "fetched-again");
    await fetched("events/", folder);
    const [found] = duck<{ ids: number }>(
      `SELECT count(DISTINCT "event.id") AS ids FROM read_parquet('${folder}/events/*/*.parquet')`,
    );
    assert.equal(found?.ids, BLOCKS * EVENTS);
  });
});

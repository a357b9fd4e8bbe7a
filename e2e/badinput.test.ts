/** Bad input gets a clear error with the place and a counter, and nothing good is lost by it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey, sign as signBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { status } from "@grpc/grpc-js";
import { Spool } from "@hosttrail/agent/spool";
import { BLOCK_BYTES_MAX, encodeHeader, eventId, parseHeader, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Block, BlockHeader, Codec } from "@hosttrail/proto/block";
import { Event } from "@hosttrail/proto/event";
import { blockOf } from "./blocks.ts";
import { eventually, openStack, queryClient, search, searchAll } from "./environment.ts";
import { HostStream } from "./hoststream.ts";
import { metricsOf } from "./metrics.ts";

const run = promisify(execFile);
const ROOT = new URL("..", import.meta.url).pathname;

let stack: Awaited<ReturnType<typeof openStack>>;

before(async () => {
  stack = await openStack({ collector: { ingest: { hello_timeout_ms: 500 } } });
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
});
after(() => stack[Symbol.asyncDispose]());

let nextSeq = 0n;

/** A good block with one event of the stack's host. */
function goodBlock(action: string, hostId = stack.hostId): { bytes: Uint8Array; firstSeq: bigint } {
  const firstSeq = nextSeq++;
  return { bytes: blockOf(stack.host.keyFile, { hostId, epoch: 5n, firstSeq }, [{ action }]).bytes, firstSeq };
}

async function metric(name: string): Promise<number> {
  const text = await metricsOf(stack);
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ")[1] ?? 0);
}

describe("ingest", () => {
  const altered: [string, string, (block: Block, bytes: Uint8Array) => Uint8Array][] = [
    ["a truncated block", "BLOCK_MALFORMED", (_block, bytes) => bytes.subarray(0, bytes.length - 7)],
    ["an unknown codec", "BLOCK_MALFORMED", (block) => Block.encode({ ...block, codec: 7 as Codec }).finish()],
    [
      "a wrong signature",
      "SIGNATURE_INVALID",
      ({ signature, ...rest }) =>
        Block.encode({ ...rest, signature: Uint8Array.from(signature, (byte) => byte ^ 1) }).finish(),
    ],
    [
      "an altered header",
      "SIGNATURE_INVALID",
      ({ header, ...rest }) => {
        const changed = { ...BlockHeader.decode(header), agentVersion: "9" };
        return Block.encode({ ...rest, header: BlockHeader.encode(changed).finish() }).finish();
      },
    ],
    [
      "a header that makes no sense",
      "HEADER_INVALID",
      ({ header, ...rest }) => {
        const changed = { ...BlockHeader.decode(header), count: 5000 };
        return Block.encode({ ...rest, header: BlockHeader.encode(changed).finish() }).finish();
      },
    ],
    ["bytes that are no block", "BLOCK_MALFORMED", () => Uint8Array.from([1, 2, 3, 4])],
  ];
  const headless = new Set(["a truncated block", "bytes that are no block"]);
  for (const [what, reason, alter] of altered) {
    const hasHeader = !headless.has(what);
    it(`rejects ${what}, counts it, and goes on`, async () => {
      const counter = `hosttrail_ingest_blocks_total{result="${reason}"}`;
      const before = await metric(counter);
      const stream = new HostStream(stack, stack.host);
      try {
        stream.hello(stack.hostId);
        await stream.answer("welcome");
        const { bytes, firstSeq } = goodBlock("never");
        stream.block(alter(Block.decode(bytes), bytes));
        const rejected = await stream.answer("rejected");
        assert.equal(rejected.reason, reason);
        assert.match(rejected.detail, /at \w/);
        // Named wherever its header can be read: else its host would not know which of its blocks it is, and send it for ever.
        assert.equal(rejected.block?.firstSeq, hasHeader ? firstSeq : undefined);
        assert.equal(await metric(counter), before + 1);
        const good = goodBlock("after-bad");
        stream.block(good.bytes);
        assert.equal((await stream.answer("received")).blocks[0]?.firstSeq, good.firstSeq);
        assert.equal((await stream.answer("stored")).blocks[0]?.firstSeq, good.firstSeq);
      } finally {
        stream.close();
      }
    });
  }

  it("rejects a block of another host, though well signed", async () => {
    const stream = new HostStream(stack, stack.host);
    stream.hello(stack.hostId);
    await stream.answer("welcome");
    stream.block(goodBlock("foreign", "f".repeat(32)).bytes);
    assert.equal((await stream.answer("rejected")).reason, "HOST_MISMATCH");
    stream.close();
  });

  it("refuses the hello of another host", async () => {
    const stream = new HostStream(stack, stack.host);
    stream.hello("f".repeat(32));
    const error = await stream.failure();
    assert.equal(error.code, status.PERMISSION_DENIED);
    assert.match(error.details, /hello is of host f{32}, the certificate of host/);
    stream.close();
  });

  it("refuses a block before the hello, a second hello, and no hello in time", async () => {
    const early = new HostStream(stack, stack.host);
    early.block(goodBlock("early").bytes);
    assert.match((await early.failure()).details, /hello comes first/);
    const twice = new HostStream(stack, stack.host);
    twice.hello(stack.hostId);
    twice.hello(stack.hostId);
    assert.match((await twice.failure()).details, /hello comes once/);
    const silent = new HostStream(stack, stack.host);
    assert.equal((await silent.failure()).code, status.DEADLINE_EXCEEDED);
    for (const stream of [early, twice, silent]) stream.close();
  });

  it("ends the stream of an oversized message, and takes the next one", async () => {
    const stream = new HostStream(stack, stack.host);
    stream.hello(stack.hostId);
    await stream.answer("welcome");
    stream.block(new Uint8Array(BLOCK_BYTES_MAX * 2));
    assert.equal((await stream.failure()).code, status.RESOURCE_EXHAUSTED);
    stream.close();
    const next = new HostStream(stack, stack.host);
    next.hello(stack.hostId);
    await next.answer("welcome");
    const good = goodBlock("after-oversized");
    next.block(good.bytes);
    assert.equal((await next.answer("stored")).blocks[0]?.firstSeq, good.firstSeq);
    next.close();
  });

  it("refuses the certificate of a user, and the query API that of a host", async () => {
    const stream = new HostStream(stack, stack.user);
    stream.hello(stack.hostId);
    assert.equal((await stream.failure()).code, status.PERMISSION_DENIED);
    stream.close();
    const client = queryClient(stack, stack.host);
    await assert.rejects(search(client, {}), { code: status.UNAUTHENTICATED });
    client.close();
  });

  it("takes a block twice and stores it once, and tells stored both times", async () => {
    const good = goodBlock("twice");
    for (let time = 0; time < 2; time++) {
      const stream = new HostStream(stack, stack.host);
      stream.hello(stack.hostId);
      await stream.answer("welcome");
      stream.block(good.bytes);
      assert.equal((await stream.answer("stored")).blocks[0]?.firstSeq, good.firstSeq);
      stream.close();
    }
    const client = queryClient(stack);
    assert.equal((await searchAll(client, { filter: "event.action = twice" })).length, 1);
    client.close();
  });

  it("buries a block that is well signed and cannot be decoded, with its reason, and loses no other", async () => {
    const before = await metric('hosttrail_store_blocks_total{result="dead"}');
    const { bytes } = goodBlock("never");
    const block = Block.decode(bytes);
    const columns = Uint8Array.from({ length: 200 }, (_, at) => at);
    const header = { ...parseHeader(block.header), columnsSha256: nodePrimitives.sha256(columns), columnsBytes: 200 };
    const headerBytes = encodeHeader(header);
    const key = createPrivateKey(readFileSync(stack.host.keyFile));
    const signature = signBytes(null, Buffer.concat([Buffer.from("hosttrail-block-v2\0"), headerBytes]), key);
    const stream = new HostStream(stack, stack.host);
    stream.hello(stack.hostId);
    await stream.answer("welcome");
    stream.block(
      Block.encode({
        header: headerBytes,
        signature,
        payload: nodePrimitives.compress(columns),
        codec: Codec.ZSTD,
      }).finish(),
    );
    const good = goodBlock("beside-dead");
    stream.block(good.bytes);
    // Its host keeps it, too: nobody is told that it is stored.
    const rejected = await stream.answer("rejected");
    assert.equal(rejected.reason, "PAYLOAD_MALFORMED");
    assert.equal(rejected.block?.firstSeq, header.firstSeq);
    assert.deepEqual(
      (await stream.answer("stored")).blocks.map(({ firstSeq }) => firstSeq),
      [good.firstSeq],
    );
    stream.close();
    assert.equal(await metric('hosttrail_store_blocks_total{result="dead"}'), before + 1);
    const client = queryClient(stack);
    assert.equal((await searchAll(client, { filter: "event.action = beside-dead" })).length, 1);
    client.close();
  });
});

describe("configuration", () => {
  const check = (name: string, file: string): Promise<{ stdout: string }> =>
    run(process.execPath, [join(ROOT, name, "src", "main.ts"), "--config", file, "--check-config"]);

  it("is checked by --check-config, which names an unknown key with its line", async () => {
    const directory = dirname(stack.agentConfigFile);
    for (const name of ["agent", "collector"]) {
      const file = join(directory, `${name}.yaml`);
      assert.match((await check(name, file)).stdout, /: ok\n$/);
      const wrong = join(directory, `wrong-${name}.yaml`);
      writeFileSync(wrong, `${readFileSync(file, "utf8")}colour: red\n`);
      const line = readFileSync(wrong, "utf8").trimEnd().split("\n").length;
      const error = await check(name, wrong).then(
        () => assert.fail("no error"),
        (thrown: { code: number; stderr: string }) => thrown,
      );
      assert.equal(error.code, 1);
      assert.match(error.stderr, new RegExp(`wrong-${name}\\.yaml:${line}:1: unknown key "colour"; allowed are `));
    }
  });
});

describe("a corrupt spool segment", () => {
  it("costs the agent the one block that is damaged: the others arrive", async () => {
    const directory = dirname(stack.agentConfigFile);
    const spoolDirectory = join(directory, "agent-state", "spool");
    const options = {
      bytesMax: 1 << 24,
      hoursMax: 0,
      segmentBytes: 1 << 20,
      quarantineBytesMax: 1 << 24,
      sync: "never",
      bootId: "77c1d9aa-20be-4c0f-b1f5-93e8a6d0415e",
    } as const;
    const spool = new Spool({ ...options, directory: spoolDirectory }, () => undefined);
    const sign = signerOf(readFileSync(stack.host.keyFile, "utf8"));
    const offsets: number[] = [];
    for (let count = 0; count < 3; count++) {
      const { epoch, nextSeq: firstSeq, previousHeaderSha256 } = spool.position;
      const event = Event.fromPartial({
        event: { action: `spooled-${count}`, timeUnixNano: BigInt(Date.now()) * 1_000_000n },
      });
      const place = {
        hostId: stack.hostId,
        epoch,
        firstSeq,
        previousHeaderSha256,
        bootId: "77c1d9aa-20be-4c0f-b1f5-93e8a6d0415e",
        agentVersion: "0",
        flags: 0,
      };
      offsets.push(spool.append(sealBlock([event], place, nodePrimitives, sign)).offset);
    }
    const lost = eventId(stack.hostId, spool.position.epoch, 1n);
    spool.close();
    const [segment = ""] = readdirSync(spoolDirectory).filter((name) => name.endsWith(".segment"));
    const content = readFileSync(join(spoolDirectory, segment));
    const at = (offsets[1] ?? 0) + 50;
    content[at] = (content[at] ?? 0) ^ 0xff;
    writeFileSync(join(spoolDirectory, segment), content);
    const empty = join(directory, "empty.log");
    writeFileSync(empty, "");
    writeFileSync(
      stack.agentConfigFile,
      `${readFileSync(stack.agentConfigFile, "utf8")}source:\n  mode: file\n  path: ${empty}\n`,
    );
    stack.startAgent();
    const client = queryClient(stack);
    for (const count of [0, 2]) {
      await eventually(`block ${count}`, 20_000, async () => {
        const { events } = await search(client, { filter: `event.action = spooled-${count}` });
        return events.length === 1 || undefined;
      });
    }
    client.close();
    await sleep(100);
    const log = stack.agent.logTail(50);
    assert.match(
      log,
      new RegExp(`"path":"[^"]*${segment}","offset":${offsets[1]},"length":\\d+,"msg":"spool: corrupt"`),
    );
    assert.ok(readdirSync(join(spoolDirectory, "quarantine")).length === 1, `${lost} is kept aside`);
  });
});

/** Small blocks that go over a stream in the context of those before them: they arrive as they were sealed, and what cannot be made out costs only its stream. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { LINK_WINDOW_DEFAULT, LinkWriter, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Block, Codec } from "@hosttrail/proto/block";
import { blockOf } from "./blocks.ts";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { HostStream } from "./hoststream.ts";
import { metricsOf } from "./metrics.ts";

const EPOCH = 9n;
const BLOCKS = 40;

let stack: Awaited<ReturnType<typeof openStack>>;
let nextSeq = 0n;

before(async () => {
  stack = await openStack();
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
});
after(() => stack[Symbol.asyncDispose]());

async function metric(name: string): Promise<number> {
  const text = await metricsOf(stack);
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.split(" ")[1] ?? 0,
  );
}

/** A stream that was welcomed, and what linked blocks of it are packed by. */
async function open(): Promise<{ stream: HostStream; link: LinkWriter }> {
  const stream = new HostStream(stack, stack.host);
  stream.hello(stack.hostId);
  const { linkWindowBytes } = await stream.answer("welcome");
  assert.equal(linkWindowBytes, LINK_WINDOW_DEFAULT);
  return { stream, link: new LinkWriter(linkWindowBytes, nodePrimitives) };
}

function sealed(action: string): Uint8Array {
  return blockOf(stack.host.keyFile, { hostId: stack.hostId, epoch: EPOCH, firstSeq: nextSeq++ }, [{ action }]).bytes;
}

/** A block with its columns as they are. */
function plain(bytes: Uint8Array, columns: (columns: Uint8Array) => Uint8Array = (same) => same): Uint8Array {
  const { block, header } = parseBlock(bytes);
  const payload = columns(nodePrimitives.decompress(block.payload, header.columnsBytes));
  return Block.encode({ ...block, payload, codec: Codec.NONE }).finish();
}

async function stored(prefix: string): Promise<string[]> {
  const client = queryClient(stack);
  try {
    const events = await searchAll(client, { filter: `event.action : ${prefix}`, pageSize: 1000 });
    return events.map(({ event }) => event?.action ?? "");
  } finally {
    client.close();
  }
}

describe("linked blocks", () => {
  it("are stored as they were sealed, linked or not in any order, for a part of their bytes", async () => {
    const [wire, whole] = ["hosttrail_ingest_wire_bytes_total", "hosttrail_ingest_bytes_total"] as const;
    const before = { wire: await metric(wire), whole: await metric(whole) };
    const { stream, link } = await open();
    const actions = Array.from({ length: BLOCKS }, (_, at) => `linked-${at}`);
    for (const [at, action] of actions.entries()) {
      const bytes = sealed(action);
      const frame = at % 7 === 3 ? undefined : link.pack(bytes);
      if (frame === undefined) stream.block(bytes);
      else stream.linked(frame);
    }
    await eventually("all of them", 20_000, async () =>
      (await stored("linked-")).length >= BLOCKS ? true : undefined,
    );
    assert.deepEqual((await stored("linked-")).sort(), actions.toSorted());
    const spent = { wire: (await metric(wire)) - before.wire, whole: (await metric(whole)) - before.whole };
    assert.ok(spent.wire < spent.whole * 0.9, JSON.stringify(spent));
    stream.close();
  });

  for (const [what, frame] of [
    ["bytes that are no frame", () => Uint8Array.of(1, 2, 3)],
    ["a bomb", () => nodePrimitives.compress(new Uint8Array(64 * 1024 * 1024))],
    [
      "a frame after others than were sent",
      (link) => {
        link.pack(sealed("never"));
        return link.pack(sealed("never")) ?? new Uint8Array(0);
      },
    ],
  ] as [string, (link: LinkWriter) => Uint8Array][]) {
    it(`${what}: the stream ends and says so, and the next one goes`, async () => {
      const { stream, link } = await open();
      stream.linked(frame(link));
      const { details, metadata } = await stream.failure();
      assert.match(details, /a linked block cannot be decompressed after those before it/);
      assert.match(String(metadata.get("grpc-status-details-bin")[0]), /LINK_BROKEN/);
      const next = await open();
      const action = `after-${what.replaceAll(" ", "-")}`;
      next.stream.linked(next.link.pack(sealed(action)) ?? new Uint8Array(0));
      await next.stream.answer("stored");
      assert.deepEqual(await stored(action), [action]);
      next.stream.close();
    });
  }

  it("whose columns are not the signed ones are rejected, and those after them go", async () => {
    const { stream } = await open();
    const bytes = sealed("never");
    const changed = plain(bytes, (columns) => columns.map((byte, at) => (at === columns.length - 1 ? byte ^ 1 : byte)));
    stream.linked(nodePrimitives.compress(changed));
    assert.equal((await stream.answer("rejected")).reason, "COLUMNS_HASH_MISMATCH");
    stream.close();
  });

  it("that are large and not compressed are rejected", async () => {
    const { stream } = await open();
    const bytes = plain(sealed(`large-${"x".repeat(80_000)}`));
    stream.block(bytes);
    const { reason, detail } = await stream.answer("rejected");
    assert.equal(reason, "BLOCK_MALFORMED");
    assert.match(detail, /of columns that are not compressed; at most 65536 are allowed/);
    stream.close();
  });
});

/**
 * docs/query.md and README.md on a real stack: each command of their console blocks, as it stands there, prints what the document shows.
 * `HOSTTRAIL_COOKBOOK=write node e2e/cookbook.test.ts` writes what they print into the documents instead.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { openLogger } from "@hosttrail/lib/log";
import { blocksOf, shownOf, type Step, withOutputs } from "./cookbook/document.ts";
import { NOW, publishFleet, publishNow } from "./cookbook/fleet.ts";
import { Terminal } from "./cookbook/terminal.ts";
import { eventually, openStack } from "./environment.ts";
import { detectionSettled, openBlockStream } from "./publisher.ts";

const isWriting = process.env["HOSTTRAIL_COOKBOOK"] === "write";
const documents = ["docs/query.md", "README.md"].map((name) => {
  const path = new URL(`../${name}`, import.meta.url).pathname;
  const text = readFileSync(path, "utf8");
  const blocks = blocksOf(text);
  return { name, path, text, blocks, printed: blocks.map(({ steps }) => steps) };
});

let stack: Awaited<ReturnType<typeof openStack>>;
let terminal: Terminal;
let folder: string;
let stream: BlockStream | undefined;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hosttrail-cookbook-"));
  stack = await openStack({
    collector: {
      // The story's times are fixed, and go on being further back.
      store: { days_back_max: 36_500 },
      // Compacted once, by this test: then the segments are the same ones each time.
      compact: { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 },
      detect: { checkpoint_ms: 500, silent_minutes: 1440 },
    },
  });
  await stack.startServices();
  await stack.startCollector();
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  try {
    stream = await openBlockStream(stack);
    await publishFleet(stream, archive);
    await detectionSettled(stream, archive);
    await stored(stream);
    await compacted(archive);
  } finally {
    await archive.close();
  }
  terminal = new Terminal(folder, stack.profileFile);
});
after(async () => {
  await stream?.close();
  rmSync(folder, { recursive: true });
  await (stack as typeof stack | undefined)?.[Symbol.asyncDispose]();
});

async function stored(stream: BlockStream): Promise<void> {
  await eventually("all events being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
}

async function compacted(archive: Archive): Promise<void> {
  const history = new History(historySource(archive));
  const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
  const compactor = new Compactor(
    compactArchive(archive),
    history,
    archive.hosts,
    options,
    openLogger("cookbook", "error"),
  );
  const stopping = new AbortController();
  const running = compactor.run(stopping.signal);
  const all = { hostIds: undefined, startNano: 0n, endNano: 1n << 62n };
  await eventually("compaction of all blocks", 60_000, async () => {
    const { arrivals } = await archive.arrivals.find(all, { blocksMax: 10, bytesMax: 1_000_000 });
    return arrivals.length === 0 || undefined;
  });
  stopping.abort();
  await running;
  await compactor.close();
}

/** Each is an event. */
const TAIL_LINES = 1;
const TAIL_EVERY_MS = 4000;

/** What a command prints; while a tail runs something happens. It may not have begun yet, so it happens again and again. */
async function printedBy(command: string): Promise<string> {
  if (!command.startsWith("hosttrail tail")) return await terminal.run(command);
  const running = terminal.run(command, TAIL_LINES);
  const pause = async (): Promise<undefined> => await sleep(TAIL_EVERY_MS, undefined);
  for (let output: string | undefined; ; ) {
    if (stream !== undefined) await publishNow(stream);
    output = await Promise.race([running, pause()]);
    if (output !== undefined) return output;
  }
}

/** Why a block cannot be run here; false where it can. */
function whyNot(steps: readonly Step[]): string | false {
  const asksJq = steps.some(({ command }) => /\| jq\b/.test(command));
  return asksJq && spawnSync("jq", ["--version"]).status !== 0 ? "there is no jq" : false;
}

for (const { name, path, text, blocks, printed } of documents)
  describe(name, () => {
    for (const [at, { line, steps }] of blocks.entries())
      it(`line ${line + 1}: ${steps[0]?.command}`, { skip: whyNot(steps) }, async () => {
        const now: Step[] = [];
        for (const { command } of steps) now.push({ command, output: shownOf(await printedBy(command), NOW) });
        printed[at] = now;
        if (!isWriting) assert.deepEqual(now, steps);
      });

    it("has console blocks, whose outputs are written where that is asked for", () => {
      assert.ok(blocks.length > 0);
      if (isWriting) writeFileSync(path, withOutputs(text, blocks, printed));
    });
  });

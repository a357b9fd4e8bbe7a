/**
 * docs/retention.md: what its console blocks show of policies, what is due, and holds, on two hosts with some days each. The page stands on another day;
 * times of the day, ids and bytes are other ones each time. `HOSTTRAIL_COOKBOOK=write node e2e/docs/retention.test.ts` writes the outputs into it.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Archive } from "@hosttrail/collector/mongodb";
import { blocksOf, type Step, shownOf, withOutputs } from "../cookbook/document.ts";
import { Terminal } from "../cookbook/terminal.ts";
import { compactAll } from "../compacted.ts";
import { eventually, openStack } from "../environment.ts";
import { executed, hostIdOf, openBlockStream, PublishingHost } from "../publisher.ts";
import { fencesOfPage, textOf } from "./pages.ts";
import { stored } from "./world.ts";

const PAGE = "docs/retention.md";
const isWriting = process.env["HOSTTRAIL_COOKBOOK"] === "write";
const DAY_MS = 86_400_000;
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const SHIFT_MS = Date.parse("2026-11-29T00:00:00Z") - TODAY;
const DAYS_AGO: readonly number[] = [33, 25, 8, 2, 1, 0];
const HOSTS = { web1: { env: "shop" }, db1: { env: "prod" } } as const;
const BLOCKS_A_DAY = 2;
const EVENTS_A_BLOCK = 5;
const ID = /\b[0-9a-f]{12}-[0-9a-f]{8}\b/;
const LATER_THAN_ALL = "9999-12-31T00:00:00.000Z";

let stack: Awaited<ReturnType<typeof openStack>>;
let terminal: Terminal;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hosttrail-retention-"));
  stack = await openStack({
    collector: {
      compact: { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 },
      // Today's events are of its first minutes.
      retention: { turn_ms: 1000, clock_gap_hours: 48 },
    },
  });
  await stack.startServices();
  await stack.startCollector();
  await fill();
  terminal = new Terminal(folder, stack.profileFile);
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await (stack as typeof stack | undefined)?.[Symbol.asyncDispose]();
});

/** Both hosts have ten events on each of these days, in two blocks. */
async function fill(): Promise<void> {
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const stream = await openBlockStream(stack);
  const none = { expireMs: 0, revokeMs: 0, revokeReason: "", boots: [], clonedBoots: [], enrollMs: 1 };
  try {
    for (const [hostName, labels] of Object.entries(HOSTS)) {
      const about = { hostId: hostIdOf(hostName), hostName, proof: "token:test", keyFingerprint: hostName };
      await archive.identities.insertIdentity({ ...about, labels, ...none });
      const host = new PublishingHost(hostName);
      for (const days of DAYS_AGO)
        for (let block = 0; block < BLOCKS_A_DAY; block++) {
          const startMs = TODAY - days * DAY_MS + block * 60_000;
          const times = Array.from({ length: EVENTS_A_BLOCK }, (_, at) => BigInt(startMs + at) * 1_000_000n);
          await host.publish(stream, host.seal(times.map((time, at) => executed(["true", String(at)], time))));
        }
    }
    await stored(stream);
    await compactAll(archive);
  } finally {
    await stream.close();
    await archive.close();
  }
}

function moved(text: string, byMs: number): string {
  return text.replaceAll(/\d{4}-\d{2}-\d{2}/g, (day) => new Date(Date.parse(day) + byMs).toISOString().slice(0, 10));
}

/** What is another one each time has a placeholder: times that are no midnight, ids, bytes; and with these the width of columns. */
function comparable(steps: readonly Step[]): Step[] {
  return steps.map(({ command, output }) => ({
    command: command.replace(ID, "ID"),
    output: output
      .filter((line) => line !== "")
      .map((line) =>
        line
          .replaceAll(/T(?!00:00:00\.000Z)[\d:.]*(?:Z|…)/g, "TIME")
          .replaceAll(new RegExp(ID, "g"), "ID")
          .replaceAll(/(?<![\w-])\d{3,6}(?![\w-])/g, "BYTES")
          .replaceAll(/ {2,}/g, "  ")
          .trim(),
      ),
  }));
}

describe(PAGE, () => {
  const text = textOf(PAGE);
  const own = new Set(
    fencesOfPage(PAGE)
      .filter(({ marks }) => marks.some((mark) => mark.text === "e2e/docs/retention.test.ts"))
      .map(({ line }) => line),
  );
  const blocks = blocksOf(text).filter(({ line }) => own.has(line + 1));
  const printed: Step[][] = [];
  let id = "";

  for (const [at, { steps }] of blocks.entries())
    it(`line ${(blocks[at]?.line ?? 0) + 1}: ${steps[0]?.command}`, async () => {
      const now: Step[] = [];
      for (const { command } of steps) {
        const typed = moved(command, -SHIFT_MS).replace(ID, () => id);
        // What is due is marked by the collector's next look.
        if (/retention plan/.test(typed))
          await eventually(
            "the mark",
            60_000,
            async () => /Z +\d{4}-\S+Z\s/.test(await terminal.run("hosttrail retention plan")) || undefined,
          );
        const output = shownOf(await terminal.run(typed), LATER_THAN_ALL);
        id = ID.exec(output.join("\n"))?.[0] ?? id;
        now.push({ command: command.replace(ID, () => id), output: output.map((line) => moved(line, SHIFT_MS)) });
      }
      printed.push(now);
      if (!isWriting) assert.deepEqual(comparable(now), comparable(steps));
    });

  it("has blocks that are written where that is asked for", () => {
    assert.ok(blocks.length >= 4);
    if (isWriting) writeFileSync(new URL(`../../${PAGE}`, import.meta.url), withOutputs(text, blocks, printed));
  });
});

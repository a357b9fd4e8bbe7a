/**
 * The documents' commands on a real stack, as they stand there: each ends as it should, and console blocks print what the document shows.
 * `HOSTTRAIL_COOKBOOK=write node e2e/docs/commands.test.ts` writes what these print into the documents instead.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { blocksOf, shownOf, type Step, withOutputs } from "../cookbook/document.ts";
import { NOW, publishNow } from "../cookbook/fleet.ts";
import { Terminal } from "../cookbook/terminal.ts";
import { startAgent } from "../environment.ts";
import { layDesk, placed } from "./desk.ts";
import { commandsOf, type Fence, markOfCommand } from "./fences.ts";
import { fencesOfPage, PAGES, textOf } from "./pages.ts";
import { asker, filledIn } from "./placeholders.ts";
import { runTyped, statusesOf } from "./typed.ts";
import { openWorld, type World } from "./world.ts";

const isWriting = process.env["HOSTTRAIL_COOKBOOK"] === "write";
const ROOT = new URL("../..", import.meta.url).pathname;
/** What is printed depends on all that was done before: first what only asks. */
const COOKBOOK: readonly string[] = ["docs/query.md", "README.md"];
/** Questions are asked on the story's day; what is to hold for a while holds from now on, as the collector's clock is the real one. */
const FROM_NOW = /--(expires|ttl)\b|^hosttrail suppression\b/;

/** Begins with nothing; start.test.ts. */
const OWN_WORLD = "docs/start.md";

let world: World;
let terminal: Terminal;

before(async () => {
  world = await openWorld();
  terminal = new Terminal(world.folder, world.stack.profileFile);
  layDesk(world);
});
after(async () => {
  await (world as World | undefined)?.[Symbol.asyncDispose]();
});

/** Each is an event. */
const TAIL_LINES = 1;
const TAIL_EVERY_MS = 4000;

/** What a command prints; while a tail runs something happens. It may not have begun yet, so it happens again and again. */
async function printedBy(command: string): Promise<string> {
  if (!command.startsWith("hosttrail tail")) return await terminal.run(command);
  const running = terminal.run(command, TAIL_LINES);
  const pause = async (): Promise<undefined> => await sleep(TAIL_EVERY_MS, undefined);
  for (let output: string | undefined; ; ) {
    await publishNow(world.stream);
    output = await Promise.race([running, pause()]);
    if (output !== undefined) return output;
  }
}

/** Why a block cannot be run here; false where it can. */
function whyNot(commands: readonly string[]): string | false {
  const asksJq = commands.some((command) => /\| jq\b/.test(command));
  return asksJq && spawnSync("jq", ["--version"]).status !== 0 ? "there is no jq" : false;
}

const consoles = PAGES.map((page) => {
  const text = textOf(page);
  const marked = new Set(
    fencesOfPage(page)
      .filter(({ marks }) => marks.length > 0)
      .map(({ line }) => line),
  );
  const blocks = blocksOf(text);
  const own = blocks.filter(({ line }) => !marked.has(line + 1));
  return { page, text, own, printed: own.map(({ steps }) => steps) };
}).filter(({ own }) => own.length > 0);

for (const { page, text, own, printed } of consoles.toSorted(byPage))
  describe(`${page}: what it shows`, () => {
    for (const [at, { line, steps }] of own.entries())
      it(`line ${line + 1}: ${steps[0]?.command}`, { skip: whyNot(steps.map(({ command }) => command)) }, async () => {
        const now: Step[] = [];
        for (const { command } of steps) now.push({ command, output: shownOf(await printedBy(command), NOW) });
        printed[at] = now;
        if (!isWriting) assert.deepEqual(now, steps);
      });

    it("is written into it where that is asked for", () => {
      if (isWriting) writeFileSync(join(ROOT, page), withOutputs(text, own, printed));
    });
  });

function byPage(one: { page: string }, other: { page: string }): number {
  const at = ({ page }: { page: string }): number =>
    COOKBOOK.includes(page) ? COOKBOOK.indexOf(page) : COOKBOOK.length;
  return at(one) - at(other);
}

const ask = asker(() => ({ folder: world.folder, environment: terminal.environment }));

/** Commands of a block that this test runs. */
function ownCommands(fence: Fence): string[] {
  return commandsOf(fence).filter((command) => markOfCommand(fence, command, ["run by", "not run"]) === undefined);
}

describe("the documents' commands", () => {
  before(async () => {
    await startAgent(world.stack);
  });

  const fences = PAGES.toSorted((one, other) => byPage({ page: one }, { page: other })).flatMap(fencesOfPage);
  for (const fence of fences.filter(({ page, language }) => language === "sh" && page !== OWN_WORLD))
    for (const command of ownCommands(fence))
      it(`${fence.page}:${fence.line}: ${command}`, { skip: whyNot([command]) }, async () => {
        const env = FROM_NOW.test(command) ? { COOKBOOK_NOW: new Date().toISOString() } : {};
        const typed = placed(filledIn(command, ask), world.folder);
        const { status, output } = await runTyped(typed, world.folder, { ...terminal.environment, ...env });
        const allowed = statusesOf(fence, command);
        assert.ok(allowed.includes(status), `ends with ${status} instead of ${allowed.join(" or ")}:\n${output}`);
      });
});

describe("filters in the documents", () => {
  for (const fence of PAGES.flatMap(fencesOfPage)) {
    const command = fence.marks.find(({ kind }) => kind === "asked by")?.text;
    if (command === undefined) continue;
    it(`${fence.page}:${fence.line}: are understood by ${command}`, () => {
      for (const line of fence.text.split("\n")) assert.ok(ask(...command.split(" ").slice(1), line).length > 0, line);
    });
  }
});

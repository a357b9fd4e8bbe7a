/**
 * Answers what is in the blocks that a sink kept: reads a marker's line, writes a line of JSON. A line `status NAME` asks the running agent
 * instead, and is answered with that part of its status, or with nothing where no agent answers. Usage: node marks.ts FOLDER PORT RUNTIME.
 *
 * Stays, and keeps what it has read: to start Node and to read every block anew for each question takes a minute under emulation.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { askControl } from "@hosttrail/agent/control";
import { openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";

/** What one block says. */
interface Seen {
  headerSha256: Uint8Array;
  previousHeaderSha256: Uint8Array;
  epoch: bigint;
  bootId: string;
  ledgers: number;
  lost: number;
  /** First arguments of executed programs. */
  marks: readonly string[];
}

const [folder = "", port = "", runtimeDirectory = ""] = process.argv.slice(2);
const seen = new Map<string, Seen>();

function read(file: string): Seen {
  const parsed = parseBlock(readFileSync(join(folder, file)));
  const { bootId, epoch, previousHeaderSha256 } = parsed.header;
  const marks: string[] = [];
  let ledgers = 0;
  let lost = 0;
  for (const { process, event, audit } of openBlock(parsed, nodePrimitives).events()) {
    if (event?.action === "reported-ledger") {
      ledgers++;
      lost += Number(audit?.records[0]?.fields.find(({ key }) => key === "serialGaps")?.value ?? 0);
    }
    if (event?.action === "executed") marks.push(process?.args[1] ?? "");
  }
  const headerSha256 = nodePrimitives.sha256(parsed.block.header);
  return { headerSha256, previousHeaderSha256, epoch, bootId, ledgers, lost, marks };
}

function answer(marker: string): string {
  const counts = new Map<string, number>();
  const bootIds: string[] = [];
  const epochs = new Set<bigint>();
  let previous: Uint8Array | undefined;
  let [broken, ledgers, lost] = [0, 0, 0];
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith(".block")) continue;
    const block = seen.get(file) ?? read(file);
    seen.set(file, block);
    // Each header names the one before it, also over a reboot and its new epoch.
    if (previous !== undefined && !Buffer.from(previous).equals(Buffer.from(block.previousHeaderSha256))) broken++;
    previous = block.headerSha256;
    epochs.add(block.epoch);
    if (bootIds.at(-1) !== block.bootId) bootIds.push(block.bootId);
    ledgers += block.ledgers;
    lost += block.lost;
    for (const mark of block.marks) if (mark.startsWith(marker)) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  }
  const found = counts.size;
  const twice = [...counts.values()].filter((count) => count > 1).length;
  return JSON.stringify({ found, twice, broken, boots: bootIds.length, epochs: epochs.size, ledgers, lost });
}

/** A part of the agent's status, by its names from the outermost one with dots between. */
async function statusOf(name: string): Promise<string> {
  try {
    let part: unknown = await askControl(runtimeDirectory);
    for (const key of name.split(".")) part = (part as Record<string, unknown> | undefined)?.[key];
    return typeof part === "string" || typeof part === "number" ? String(part) : "";
  } catch {
    return "";
  }
}

const STATUS = "status ";

const server = createServer((socket) => {
  socket.setEncoding("utf8").once("data", (line: string) => {
    const question = line.trim();
    if (!question.startsWith(STATUS)) socket.end(`${answer(question)}\n`);
    else void statusOf(question.slice(STATUS.length)).then((text) => socket.end(`${text}\n`));
  });
  // One that asks and does not wait.
  socket.on("error", () => undefined);
});
server.listen(Number(port), "127.0.0.1");

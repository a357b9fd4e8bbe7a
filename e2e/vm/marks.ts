/** What is in the blocks that a sink kept. Usage: node marks.ts FOLDER MARKER. Prints JSON. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";

const [folder = "", marker = ""] = process.argv.slice(2);
const counts = new Map<string, number>();
const bootIds: string[] = [];
const epochs = new Set<bigint>();
let previous: Uint8Array | undefined;
let broken = 0;
let ledgers = 0;
let lost = 0;
for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith(".block")) continue;
  const parsed = parseBlock(readFileSync(join(folder, file)));
  const { header } = parsed;
  // Each header names the one before it, also over a reboot and its new epoch.
  if (previous !== undefined && !Buffer.from(previous).equals(Buffer.from(header.previousHeaderSha256))) broken++;
  previous = nodePrimitives.sha256(parsed.block.header);
  epochs.add(header.epoch);
  if (bootIds.at(-1) !== header.bootId) bootIds.push(header.bootId);
  for (const { process, event, audit } of openBlock(parsed, nodePrimitives).events()) {
    if (event?.action === "reported-ledger") {
      ledgers++;
      lost += Number(audit?.records[0]?.fields.find(({ key }) => key === "serialGaps")?.value ?? 0);
    }
    const argument = process?.args[1] ?? "";
    if (event?.action === "executed" && argument.startsWith(marker))
      counts.set(argument, (counts.get(argument) ?? 0) + 1);
  }
}
const found = counts.size;
const twice = [...counts.values()].filter((count) => count > 1).length;
console.log(JSON.stringify({ found, twice, broken, boots: bootIds.length, epochs: epochs.size, ledgers, lost }));

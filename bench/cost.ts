/**
 * `./dev bench cost [SEED...]`: for five roles of host, what a sample of ten minutes says of the hour that follows, beside what that hour was.
 *
 * The sample is taken by `hosttrail-agent cost sample` from the log of the ten minutes, and forecast as `hosttrail cost forecast` does. The
 * truth is the log of the hour, through the agent's own way: its events and the frames of its blocks; and these blocks in the embedded
 * database, by the collector's store role and the step that compacts. Logs are recorded events at made times (bench/cost/roles.ts). Ends with 1
 * where one of them is off by more than a quarter.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentSchema, type AgentConfig } from "@hosttrail/agent/config";
import { Counter } from "@hosttrail/agent/sample";
import { openSource } from "@hosttrail/agent/source";
import type { SealedBlock } from "@hosttrail/lib/block";
import { parseConfig } from "@hosttrail/lib/config";
import { CAPACITY, forecastHost, readSample } from "@hosttrail/lib/cost";
import { openLogger } from "@hosttrail/lib/log";
import { mongodbService } from "@hosttrail/stack";
import { tableBytes } from "./fleet/tables.ts";
import { logsOf, ROLES } from "./cost/roles.ts";
import { storedBytes } from "./cost/stored.ts";

const AGENT = new URL("../agent/src/main.ts", import.meta.url).pathname;
const SAMPLE_MS = 600_000;
const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const DAY_MS = 86_400_000;
const OFF_MAX = 0.25;
/** Noon of a day that is over. */
const START_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;
const SEEDS = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1];

const logger = openLogger("bench", "error");
const say = (text: string): void => void process.stdout.write(`▸ ${text}\n`);

interface Truth {
  events: number;
  wireBytes: number;
  blocks: SealedBlock[];
}

async function truthOf(log: string): Promise<Truth> {
  const config = parseConfig<AgentConfig>(
    "collector: { endpoints: [localhost:1], ca_file: /dev/null }",
    "bench",
    agentSchema,
  );
  const blocks: SealedBlock[] = [];
  const fail = (error: unknown): never => {
    throw error;
  };
  const options = { config, agentVersion: "0.1.0", bootId: "", isLive: false, onFault: fail };
  const counter = new Counter({ ...options, onBlock: (block) => void blocks.push(block) }, false);
  const source = openSource({ ...config.source, mode: "file", path: log, ringPath: "", bootId: "" }, (record, nowMs) =>
    counter.push(record, nowMs),
  );
  await source.finished;
  counter.finish(undefined);
  const { minutes } = counter.tally.finish();
  return {
    events: minutes.reduce((sum, minute) => sum + minute.events, 0),
    wireBytes: minutes.reduce((sum, minute) => sum + minute.wireBytes, 0),
    blocks,
  };
}

/** One row: what was forecast, what came, and by how much it was off. */
function row(what: string, low: number, mid: number, high: number, truth: number): boolean {
  const off = mid / truth - 1;
  const cells = [mid, low, high, truth].map((value) => Math.round(value).toLocaleString("en").padStart(12));
  const inside = truth >= low && truth <= high ? "within its bounds" : "outside of its bounds";
  process.stdout.write(
    `    ${what.padEnd(14)}${cells.join("")}   ${(off * 100).toFixed(1).padStart(6)} %   ${inside}\n`,
  );
  return Math.abs(off) <= OFF_MAX;
}

const directory = mkdtempSync(join(tmpdir(), "hosttrail-cost-"));
const tools = new URL("../.hosttrail/tools", import.meta.url).pathname;
const service = await mongodbService({ directory, tools, say });
await service.start();
let isRight = true;
try {
  for (const seed of SEEDS) {
    process.stdout.write(
      `\nseed ${seed}; the hour that follows ten minutes:    forecast         low        high       truth\n`,
    );
    for (const [at, role] of ROLES.entries()) {
      const files = logsOf(role, seed * ROLES.length + at, START_MS, [SAMPLE_MS, HOUR_MS]).map((text, part) => {
        const file = join(directory, `${role.name}-${seed}-${part}.log`);
        writeFileSync(file, text, "latin1");
        return file;
      });
      const [ten = "", hour = ""] = files;
      const output = join(directory, "sample.json");
      const words = ["cost", "sample", "--log", ten, "--host", role.name, "--output", output];
      execFileSync(process.execPath, [AGENT, ...words], { stdio: "ignore" });
      const sample = readSample(output);
      // Of a day with as many events as the hour has: the hour is all that is there to be merged.
      const { events, wireBytes } = forecastHost([sample], [], { restOverhead: 1 });
      const { restBytes } = forecastHost([sample], [], { restOverhead: 1, dayHours: 1 });
      const truth = await truthOf(hour);
      const rest = await storedBytes(service.url, `cost_${role.name}_${seed}`, truth.blocks, logger);
      const share = 1 / DAY_HOURS;
      process.stdout.write(
        `  ${role.name}: ${(truth.events / 3600).toFixed(1)} events a second, ${(truth.events / truth.blocks.length).toFixed(1)} a block\n`,
      );
      const rows = [
        row("events", events.low * share, events.mid * share, events.high * share, truth.events),
        row(
          "bytes on wire",
          wireBytes === undefined ? 0 : wireBytes.low * share,
          (wireBytes?.mid ?? 0) * share,
          (wireBytes?.high ?? 0) * share,
          truth.wireBytes,
        ),
        row(
          "bytes at rest",
          (restBytes?.low ?? 0) * share,
          (restBytes?.mid ?? 0) * share,
          (restBytes?.high ?? 0) * share,
          rest,
        ),
      ];
      isRight &&= rows.every((each) => each);
      const tables = tableBytes(join(directory, "mongodb"), `cost_${role.name}_${seed}`);
      if (tables !== undefined) {
        const all = Object.entries(tables)
          .filter(([name]) => name !== "free pages")
          .reduce((sum, [, bytes]) => sum + bytes, 0);
        process.stdout.write(
          `    in the database ${(all / rest).toFixed(2)} bytes for each of these (${CAPACITY.restOverhead} is planned with)\n`,
        );
      }
      for (const file of files) rmSync(file);
    }
  }
} finally {
  await service.child?.stop();
  rmSync(directory, { recursive: true, force: true });
}
say(isRight ? "all are within 25 %" : "not all are within 25 %");
if (!isRight) process.exitCode = 1;

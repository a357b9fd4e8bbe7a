/**
 * `./dev simulate`: runs seeds, several at once, and tells of those in which something is wrong.
 *
 * With --seed one seed is run and its trace printed: what failed before fails again, as long as the code is the same.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { PLANTED } from "./planted/index.ts";
import { runJob } from "./jobs.ts";
import type { Report } from "./report.ts";

const USAGE = `usage: ./dev simulate [--seeds N] [--first S] [--jobs J] [--seconds T]
       ./dev simulate --seed S [--quiet]
       ./dev simulate --planted [NAME]... [--seeds N]

  --seeds N     worlds to simulate; 1000 where nothing is said
  --first S     number of the first one; random where nothing is said
  --jobs J      processes that share them; one for each processor where nothing is said
  --seconds T   begins no more worlds after so long
  --seed S      one world, with its trace
  --planted     plants faults in the product, one by one, each of which must be found`;
/** Seeds that failed of which all is told; of the others how many there are. */
const TOLD_MAX = 20;
/** Between two words of how far a long run is. */
const PROGRESS_MS = 60_000;
/** How a failure begins that is one of the simulation itself. */
const SIMULATION = "simulation ";
/** Seeds that are tried until a planted fault must have been found. */
const PLANTED_SEEDS_MAX = 4000;

class UsageError extends Error {}

function whole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${name} must be a whole number from 1 on, not "${text}"`);
  return value;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Tells of a seed that failed, and by which command it fails again. */
function tellFailure({ seed, failures }: Report, planted: string): void {
  say(`\n✗ seed ${seed}${planted === "" ? "" : ` with "${planted}"`}`);
  for (const failure of failures) say(`    ${failure.replaceAll("\n", "\n    ")}`);
  say(`  again, with a trace: ./dev simulate --seed ${seed}${planted === "" ? "" : ` --planted ${planted}`}`);
}

interface Many {
  first: number;
  seeds: number;
  jobs: number;
  endMs: number;
}

/** 0 where nothing was found. */
async function runMany({ first, seeds, jobs, endMs }: Many): Promise<number> {
  const beganMs = performance.now();
  say(`seeds ${first} to ${first + seeds - 1} in ${jobs} processes`);
  let failed = 0;
  let toldMs = beganMs;
  const sum = { worlds: 0, lifeMs: 0, events: 0, excused: 0, blocks: 0, lives: 0, faults: 0, cpuMs: 0 };
  const take = (report: Report): boolean => {
    sum.worlds++;
    for (const key of ["lifeMs", "events", "excused", "blocks", "lives", "faults", "cpuMs"] as const)
      sum[key] += report[key];
    if (report.failures.length > 0) {
      failed++;
      if (failed <= TOLD_MAX) tellFailure(report, "");
      // It would be so in each.
      if (report.failures.some((failure) => failure.startsWith(SIMULATION))) return false;
    }
    if (performance.now() - toldMs >= PROGRESS_MS) {
      toldMs = performance.now();
      say(`… ${sum.worlds} of ${seeds} worlds after ${Math.round((toldMs - beganMs) / 60_000)} min, ${failed} failed`);
    }
    return performance.now() < endMs;
  };
  await Promise.all(
    Array.from({ length: jobs }, (_, job) =>
      runJob({ first: first + job, step: jobs, end: first + seeds, planted: "" }, take),
    ),
  );
  const seconds = (performance.now() - beganMs) / 1000;
  const hours = sum.lifeMs / 3_600_000;
  say(
    `${sum.worlds} worlds, ${hours.toFixed(0)} hours of simulated life in ${seconds.toFixed(0)} s (${(sum.worlds / seconds).toFixed(1)} a second, ${((sum.worlds * 1000) / sum.cpuMs).toFixed(1)} a second of one processor)`,
  );
  say(
    `${sum.events} events, ${sum.blocks} blocks, ${sum.lives} lives of programs, ${sum.faults} faults; ${sum.excused} events lost for a reason that is known`,
  );
  say(failed === 0 ? "nothing was found" : `${failed} seeds failed`);
  return failed === 0 ? 0 : 1;
}

/** 0 where each of them was found. */
async function runPlanted(names: readonly string[], seeds: number, jobs: number): Promise<number> {
  let missed = 0;
  for (const { name, what } of PLANTED) {
    if (names.length > 0 && !names.includes(name)) continue;
    let worlds = 0;
    let found: Report | undefined;
    const take = (report: Report): boolean => {
      worlds++;
      const own = report.failures.find((failure) => failure.startsWith(SIMULATION));
      if (own !== undefined) throw new Error(own);
      if (report.failures.length > 0) found ??= report;
      return found === undefined;
    };
    await Promise.all(
      Array.from({ length: jobs }, (_, job) =>
        runJob({ first: 1 + job, step: jobs, end: 1 + seeds, planted: name }, take),
      ),
    );
    if (found === undefined) {
      missed++;
      say(`✗ ${name}: ${what}: not found in ${worlds} worlds`);
    } else
      say(
        `✓ ${name}: ${what}\n    found by seed ${found.seed}, after ${worlds} worlds: ${found.failures[0]?.split("\n")[0] ?? ""}`,
      );
  }
  say(missed === 0 ? "every planted fault was found" : `${missed} planted faults were not found`);
  return missed === 0 ? 0 : 1;
}

/** One seed, with its trace. */
async function runOne(seed: string, planted: string, isQuiet: boolean): Promise<number> {
  let failed = false;
  await runJob({ first: Number(seed), step: 1, end: Number(seed) + 1, planted, isTraced: !isQuiet }, (report) => {
    if (report.trace.length > 0) say(report.trace.join("\n"));
    failed = report.failures.length > 0;
    if (failed) tellFailure(report, planted);
    else
      say(
        `seed ${seed}: ${report.events} events, ${report.blocks} blocks: nothing was found (${JSON.stringify(report.plan)})`,
      );
    return true;
  });
  return failed ? 1 : 0;
}

function randomFirst(): number {
  return 1 + Math.floor(Math.random() * 1_000_000_000);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      seeds: { type: "string" },
      first: { type: "string" },
      jobs: { type: "string" },
      seconds: { type: "string" },
      seed: { type: "string" },
      planted: { type: "boolean", default: false },
      quiet: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const unknown = positionals.find((name) => !PLANTED.some((each) => each.name === name));
  if (unknown !== undefined || (positionals.length > 0 && !values.planted))
    throw new UsageError(
      `there is no planted fault "${unknown ?? positionals[0]}"; there are ${PLANTED.map(({ name }) => name).join(", ")}`,
    );
  const jobs = whole("--jobs", values.jobs, availableParallelism());
  if (values.seed !== undefined)
    return await runOne(String(whole("--seed", values.seed, 1)), positionals[0] ?? "", values.quiet);
  if (values.planted) return await runPlanted(positionals, whole("--seeds", values.seeds, PLANTED_SEEDS_MAX), jobs);
  const seconds = whole("--seconds", values.seconds, Number.MAX_SAFE_INTEGER);
  const first = whole("--first", values.first, randomFirst());
  const seeds = whole("--seeds", values.seeds, 1000);
  return await runMany({ first, seeds, jobs, endMs: performance.now() + seconds * 1000 });
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError || (error instanceof TypeError && "code" in error))) throw error;
  process.stderr.write(`${error.message}\n${USAGE}\n`);
  process.exitCode = 2;
}

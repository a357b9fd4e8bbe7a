/** The process that simulates: it substitutes modules, so nothing of the product may be loaded before. */
import type { Job } from "./jobs.ts";
import { plantedOf } from "./planted/index.ts";
import { substituteModules } from "./load/register.ts";

// Thousands of errors are made on purpose, and their stacks cost more than what they stop.
Error.stackTraceLimit = 4;

const job = JSON.parse(process.argv[2] ?? "") as Job;
const planted = plantedOf(job.planted);
await substituteModules(planted?.patches ?? []);
const { prepare, runSeed } = await import("./world.ts");
await prepare();

// Whoever started it is gone.
process.once("disconnect", () => process.exit(1));
process.once("error", () => process.exit(1));

/** "next", or "end". */
function answer(): Promise<unknown> {
  return new Promise((resolve) => void process.once("message", resolve));
}

for (let seed = job.first; seed < job.end; seed += job.step) {
  const before = process.cpuUsage();
  const outcome = await runSeed(String(seed), { isTraced: job.isTraced ?? false, plan: planted?.plan ?? {} });
  const { user, system } = process.cpuUsage(before);
  const answered = answer();
  process.send?.({ ...outcome, cpuMs: (user + system) / 1000 });
  if ((await answered) === "end") break;
}
process.exit(0);

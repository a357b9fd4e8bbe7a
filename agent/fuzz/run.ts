/**
 * Fuzzes every parser of bytes that come from outside.
 *
 * Usage: node agent/fuzz/run.ts [INPUTS] [SEED] [TARGET]
 *
 * Inputs are shared out over threads and targets, or all go to the target of that name. One that throws, or takes too long, is named by target and number: the
 * same number makes the same input.
 */
import { availableParallelism } from "node:os";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { Random } from "./random.ts";
import { TARGETS } from "./targets.ts";

const INPUTS = 10_000_000;
/** An input that takes longer is a hang. */
const HANG_MS = 10_000;
const REPORT_MS = 10_000;
/** Position of a thread that has not begun: a busy machine may take long to start it, which is no input's fault. */
const NOWHERE = -1;

interface Share {
  /** Position: target and input that the thread is at, for the one who watches. */
  position: Int32Array;
  first: number;
  step: number;
  inputs: number;
  seed: number;
  /** The only target's name; empty for all. */
  only: string;
}

/** Runs one target's inputs first, first + step, …; throws the first failure with its number. */
export function runTarget(index: number, inputs: number, seed: number, share?: Share): void {
  const target = TARGETS[index];
  if (target === undefined) return;
  for (let input = share?.first ?? 0; input < inputs; input += share?.step ?? 1) {
    if (share !== undefined) {
      Atomics.store(share.position, 0, index);
      Atomics.store(share.position, 1, input);
    }
    try {
      target.run(new Random(seed + input * 7919 + index * 104_729));
    } catch (cause) {
      throw new Error(`target "${target.name}", input ${input} of seed ${seed}: ${String(cause).slice(0, 2000)}`, {
        cause,
      });
    }
  }
}

function inputsOf(total: number, index: number, only: string): number {
  if (only !== "") return TARGETS[index]?.name === only ? total : 0;
  const weights = TARGETS.reduce((sum, { weight }) => sum + weight, 0);
  return Math.ceil((total * (TARGETS[index]?.weight ?? 0)) / weights);
}

function work(share: Share): void {
  // Most inputs are refused, and to note the whole stack would be most of what that costs.
  Error.stackTraceLimit = 1;
  for (const index of TARGETS.keys()) {
    runTarget(index, inputsOf(share.inputs, index, share.only), share.seed, share);
  }
  // Others may have more to do.
  Atomics.store(share.position, 0, NOWHERE);
}

async function main(): Promise<void> {
  const inputs = Number(process.argv[2] ?? INPUTS);
  const seed = Number(process.argv[3] ?? Date.now() & 0x7fffffff);
  const only = process.argv[4] ?? "";
  const names = TARGETS.map(({ name }) => name);
  if (only !== "" && !names.includes(only)) throw new RangeError(`no target "${only}"; known are ${names.join(", ")}`);
  const threads = availableParallelism();
  process.stdout.write(
    `${inputs} inputs over ${only === "" ? `${names.length} targets` : `"${only}"`}, seed ${seed}, ${threads} threads\n`,
  );
  const started = performance.now();
  const shares = Array.from({ length: threads }, (_, first) => ({
    position: new Int32Array(new SharedArrayBuffer(8)).fill(NOWHERE),
    first,
    step: threads,
    inputs,
    seed,
    only,
  }));
  const watch = watchFor(shares);
  await Promise.all(
    shares.map(
      (share) =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: share });
          worker.on("error", reject);
          worker.on("exit", () => resolve());
        }),
    ),
  );
  clearInterval(watch);
  const seconds = (performance.now() - started) / 1000;
  const total = [...TARGETS.keys()].reduce((sum, index) => sum + inputsOf(inputs, index, only), 0);
  process.stdout.write(`${total} inputs in ${Math.round(seconds)} s: no crash, no hang\n`);
}

/** Ends everything where a thread stays at one input. */
function watchFor(shares: readonly Share[]): NodeJS.Timeout {
  const seen = shares.map(() => ({ at: "", sinceMs: performance.now() }));
  let reportedMs = performance.now();
  return setInterval(() => {
    const now = performance.now();
    for (const [thread, { position, seed }] of shares.entries()) {
      const index = Atomics.load(position, 0);
      if (index === NOWHERE) continue;
      const at = `target "${TARGETS[index]?.name}", input ${Atomics.load(position, 1)} of seed ${seed}`;
      const last = seen[thread];
      if (last === undefined) continue;
      if (last.at !== at) seen[thread] = { at, sinceMs: now };
      else if (now - last.sinceMs > HANG_MS) {
        process.stderr.write(`hangs: ${at}\n`);
        process.exit(1);
      }
    }
    if (now - reportedMs < REPORT_MS) return;
    reportedMs = now;
    process.stdout.write(`  at ${seen[0]?.at ?? ""}\n`);
  }, 500);
}

if (!isMainThread && workerData !== null) work(workerData as Share);
else if (process.argv[1] === new URL(import.meta.url).pathname) await main();

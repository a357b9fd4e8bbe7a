/** `./dev chaos [FAULTS [SEED]]`: the long run. A thousand faults take some 15 minutes. */
import { randomInt } from "node:crypto";
import { chaos, tally } from "./run.ts";

const [faults = 1000, seed = randomInt(2 ** 31)] = process.argv.slice(2).map(Number);
const beganMs = performance.now();
const result = await chaos({ seed, hosts: 50, faults, intervalMs: 600 });
process.stdout.write(
  `seed ${seed}: ${result.faults.length} faults in ${Math.round((performance.now() - beganMs) / 1000)} s (${tally(result.faults)})\n` +
    `${result.events} events acknowledged, stored and compacted: 0 lost, 0 twice; chains verified; ${result.alerts} alerts, as without faults\n`,
);

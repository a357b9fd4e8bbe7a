/**
 * `hosttrail-agent end`: says to the running agent that this host will end, and waits until all events of before are stored. For whoever ends
 * hosts from outside: a lifecycle hook, a drain, a maintenance.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentConfig } from "../config/index.ts";
import { askControl } from "../control/index.ts";

const POLL_MS = 200;

interface Kept {
  blocks: number;
  events: number;
}

/** Prints that all is stored; throws with what is not when the time is over. Then the ledger names it, as far as it was shipped. */
export async function end(config: AgentConfig, { timeoutSeconds }: { timeoutSeconds: number }): Promise<void> {
  const start = performance.now();
  const { epoch, nextSeq } = (await askControl(config.runtimeDirectory, { ask: "announce-end" })) as {
    epoch: string;
    nextSeq: string;
  };
  let kept: Kept;
  do {
    kept = (await askControl(config.runtimeDirectory, { ask: "count-kept", epoch, nextSeq })) as Kept;
    if (kept.events === 0) {
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      process.stdout.write(`all events up to number ${BigInt(`0x${nextSeq}`) - 1n} are stored after ${seconds} s\n`);
      return;
    }
    await sleep(POLL_MS);
  } while (performance.now() - start < timeoutSeconds * 1000);
  throw new Error(
    `${kept.events} events in ${kept.blocks} blocks are not stored after ${timeoutSeconds} s: is a collector in reach? hosttrail-agent doctor tells`,
  );
}

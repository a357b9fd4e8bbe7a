/** Puts a made history into the database, as the step that compacts does it: payloads and sieves first, then the catalog. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { compactArchive } from "@hosttrail/collector/archives";
import { commit, type compact } from "@hosttrail/collector/compact";
import type { Archive } from "@hosttrail/collector/mongodb";
import type { MakeAnswer, MakeTask } from "./make.ts";
import { groupsOf, type HistoryPlan } from "./plan.ts";

type Made = ReturnType<typeof compact>;

export interface Filled {
  events: number;
  segments: number;
  bytes: number;
}

/** Threads make hosts that lived alike one after the other; a host's segments are committed a day at a time. */
export async function fill(
  archive: Archive,
  plan: HistoryPlan,
  blockEvents: number,
  said: (filled: Filled) => void,
): Promise<Filled> {
  const sink = compactArchive(archive);
  const filled: Filled = { events: 0, segments: 0, bytes: 0 };
  // What takes longest comes first, so that all threads end at about the same time.
  const waiting = groupsOf(plan).sort((a, b) => b.host.events - a.host.events);
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL("make.ts", import.meta.url));
    try {
      for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
        for (const [key, made] of await make(worker, { ...group, startMs: plan.startMs, blockEvents })) {
          const [hostId = "", place = ""] = key.split(" ");
          const isDone = await commit(
            sink,
            { hostId, place, version: 0, older: [], entries: [] },
            { made, replaced: [] },
          );
          if (!isDone) throw new Error(`${place} of ${hostId} has a catalog already`);
          for (const { entry } of made) {
            filled.events += entry.events;
            filled.segments++;
            filled.bytes += entry.bytes;
          }
        }
        said(filled);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return filled;
}

/** What a thread makes, by host and place. */
function make(worker: Worker, task: MakeTask): Promise<Map<string, Made>> {
  const all = new Map<string, Made>();
  return new Promise((resolve, reject) => {
    worker.removeAllListeners();
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`the thread ended with ${code}`)));
    worker.on("message", (answer: MakeAnswer) => {
      if (answer.kind === "done") return resolve(all);
      const key = `${answer.hostId} ${answer.place}`;
      all.set(key, [...(all.get(key) ?? []), ...answer.made]);
    });
    worker.postMessage(task);
  });
}

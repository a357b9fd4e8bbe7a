/** The world in which documents are read: the story's fleet (e2e/cookbook) on a real stack, its segments compacted once, so that they are the same ones each time. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { publishFleet } from "../cookbook/fleet.ts";
import { compactAll } from "../compacted.ts";
import { eventually, openStack } from "../environment.ts";
import { detectionSettled, openBlockStream } from "../publisher.ts";

export interface World extends AsyncDisposable {
  stack: Awaited<ReturnType<typeof openStack>>;
  stream: BlockStream;
  /** Where commands are typed; a person's home as well. */
  folder: string;
}

export async function openWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-documents-"));
  const stack = await openStack({
    agent: { source: { mode: "none" } },
    collector: {
      // The story's times are fixed, and go on being further back.
      store: { days_back_max: 36_500 },
      // Compacted once, below.
      compact: { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 },
      detect: { checkpoint_ms: 500, silent_minutes: 1440 },
    },
  });
  let stream: BlockStream | undefined;
  const end = async (): Promise<void> => {
    await stream?.close();
    rmSync(folder, { recursive: true });
    await stack[Symbol.asyncDispose]();
  };
  try {
    await stack.startServices();
    await stack.startCollector();
    const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    try {
      stream = await openBlockStream(stack);
      await publishFleet(stream, archive);
      await detectionSettled(stream, archive);
      await stored(stream);
      await compactAll(archive);
    } finally {
      await archive.close();
    }
    return { stack, stream, folder, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

export async function stored(stream: BlockStream): Promise<void> {
  await eventually("all events being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
}

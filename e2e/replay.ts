/** A stack that replays the recorded capture: for tests that need no kernel of their own. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { StackOptions } from "@hosttrail/stack";
import { eventually, openStack, queryClient, search } from "./environment.ts";

const CAPTURE = new URL("../bench/captures/workload.log.gz", import.meta.url);

/** Events in the capture, as `./dev bench block` prints them. */
export const CAPTURE_EVENTS = 2439;

/** Starts everything and waits until the capture's events can be found. */
export async function openReplay(changes: Partial<StackOptions> = {}): Promise<Awaited<ReturnType<typeof openStack>>> {
  const stack = await openStack(changes);
  try {
    await replayInto(stack);
    return stack;
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

async function replayInto(stack: Awaited<ReturnType<typeof openStack>>): Promise<void> {
  const capture = join(dirname(stack.agentConfigFile), "capture.log");
  writeFileSync(capture, gunzipSync(readFileSync(CAPTURE)));
  const config = readFileSync(stack.agentConfigFile, "utf8");
  writeFileSync(stack.agentConfigFile, `${config}source:\n  mode: file\n  path: ${capture}\n`);
  await stack.startServices();
  await stack.startCollector();
  stack.startAgent();
  const client = queryClient(stack);
  try {
    await eventually("the capture's arrival", 60_000, async () => {
      const { events, nextPageToken } = await search(client, {
        filter: "event.action = deleted-user-account",
        pageSize: 1,
      });
      return (events.length > 0 && nextPageToken === "" && !stack.agent.running) || undefined;
    });
  } finally {
    client.close();
  }
}

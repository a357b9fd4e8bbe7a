/** What end-to-end tests share: a stack in a folder of its own, and clients of its query API. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ChannelCredentials, credentials, type ServiceError } from "@grpc/grpc-js";
import type { Event } from "@hosttrail/proto/event";
import { QueryServiceClient, SearchEventsRequest, type SearchEventsResponse } from "@hosttrail/proto/query";
import { findSecrets, pidsOf, placesOfProcesses, placesOfStack, secretsOf } from "./scanner.ts";
import { type Identity, Stack, type StackOptions } from "@hosttrail/stack";

const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;

/** A stack whose folder goes when it is disposed of, and in which no secret may stand where it must not. */
export async function openStack(changes: Partial<StackOptions> = {}): Promise<Stack & AsyncDisposable> {
  const directory = mkdtempSync(join(tmpdir(), "hosttrail-e2e-"));
  const say = (text: string): void => void process.stderr.write(`▸ ${text}\n`);
  const stack = await Stack.prepare({ directory, tools: TOOLS, say, ...changes });
  return Object.assign(stack, {
    async [Symbol.asyncDispose]() {
      const processes = placesOfProcesses(pidsOf(stack));
      await stack.stop();
      const found = findSecrets(secretsOf(stack), [...processes, ...placesOfStack(stack)]);
      if (found.length > 0) throw new Error(`secrets stand where they must not: ${found.join(", ")}`);
      if (process.env["HOSTTRAIL_E2E_KEEP"] === undefined) rmSync(directory, { recursive: true, force: true });
    },
  });
}

/** Credentials of an identity of the stack. */
export function credentialsOf(stack: Stack, identity: Identity): ChannelCredentials {
  const trust = join(stack.authority, "trust.crt");
  const [ca, key, certificate] = [trust, identity.keyFile, identity.certificateFile].map((file) => readFileSync(file));
  return credentials.createSsl(ca, key, certificate);
}

/** Of the stack's collector, or of another one of its collectors by port. */
export function queryClient(
  stack: Stack,
  identity: Identity = stack.user,
  port: number = stack.queryPort,
): QueryServiceClient {
  return new QueryServiceClient(`localhost:${port}`, credentialsOf(stack, identity), {
    "grpc.max_receive_message_length": 256 * 1024 * 1024,
  });
}

export function search(
  client: QueryServiceClient,
  request: Partial<SearchEventsRequest>,
): Promise<SearchEventsResponse> {
  return new Promise((resolve, reject) => {
    client.searchEvents(SearchEventsRequest.fromPartial(request), (error: ServiceError | null, response) =>
      error === null ? resolve(response) : reject(error),
    );
  });
}

/** All pages of a search. */
export async function searchAll(client: QueryServiceClient, request: Partial<SearchEventsRequest>): Promise<Event[]> {
  const events: Event[] = [];
  let pageToken = "";
  do {
    const page = await search(client, { ...request, pageToken });
    events.push(...page.events);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return events;
}

/** Tries until the value is there; throws with the last reason when the time is over. */
export async function eventually<Value>(
  what: string,
  timeoutMs: number,
  attempt: () => Promise<Value | undefined>,
): Promise<Value> {
  let reason = "";
  for (const end = performance.now() + timeoutMs; performance.now() < end; await sleep(100)) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
      reason = "";
    } catch (error) {
      reason = `: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  throw new Error(`${what} did not happen within ${timeoutMs / 1000} s${reason}`);
}

/** Starts the stack's agent and waits until it reads. */
export async function startAgent(stack: Stack): Promise<void> {
  stack.startAgent();
  await eventually(
    "the agent's start",
    15_000,
    async () => stack.agent.logTail(50).includes("agent started") || undefined,
  );
}

/** Writes a rule file into the stack's folder. */
export function writeRules(path: string, rules: readonly string[]): string {
  writeFileSync(path, `${rules.join("\n")}\n`);
  return path;
}

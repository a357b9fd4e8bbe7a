/** What tests of alerts share: alerts as the detector makes them, and clients of the API as promises. */
import { createHash } from "node:crypto";
import type { ServiceError } from "@grpc/grpc-js";
import { Alert, AlertServiceClient, Severity } from "@hosttrail/proto/alert";
import { Event } from "@hosttrail/proto/event";
import { type PutRulesetRequest, type PutRulesetResponse, RuleServiceClient } from "@hosttrail/proto/rule";
import type { Identity, Stack } from "@hosttrail/stack";
import { credentialsOf } from "./environment.ts";

/** An answer, or the error in its place. */
type Done<Response> = (error: ServiceError | null, response: Response) => void;

export function ask<Response>(start: (done: Done<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

/** The error that a call ends with. */
export async function refusal(answer: Promise<unknown>): Promise<ServiceError> {
  return await answer.then(
    () => {
      throw new Error("it was not refused");
    },
    (error: ServiceError) => error,
  );
}

/** What its google.rpc.ErrorInfo says, as far as it is text. */
export function reasonOf(error: ServiceError): string {
  const details = error.metadata.get("grpc-status-details-bin")[0]?.toString() ?? "";
  return /[A-Z][A-Z_]{3,}/.exec(details.slice(details.indexOf("ErrorInfo")))?.[0] ?? "";
}

export function alertClient(
  stack: Stack,
  identity: Identity = stack.user,
  port: number = stack.queryPort,
): AlertServiceClient {
  return new AlertServiceClient(`localhost:${port}`, credentialsOf(stack, identity), {
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
  });
}

export function ruleClient(
  stack: Stack,
  identity: Identity = stack.user,
  port: number = stack.queryPort,
): RuleServiceClient {
  return new RuleServiceClient(`localhost:${port}`, credentialsOf(stack, identity), {
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
  });
}

/** Puts a ruleset in as many parts as are given. */
export function putRuleset(client: RuleServiceClient, ...parts: PutRulesetRequest[]): Promise<PutRulesetResponse> {
  return ask((done) => {
    const call = client.putRuleset(done);
    for (const part of parts) call.write(part);
    call.end();
  });
}

export interface AboutAlert {
  timeMs: number;
  hosts: readonly string[];
  ruleKey?: string;
  ruleset?: string;
  kind?: string;
  severity?: Severity;
  /** Names of the processes of its events, which are all of its first host unless it says otherwise. */
  processes?: readonly string[];
}

let events = 0n;

/** An alert as the detector makes it. Its id is of what it is about. */
export function alertOf(about: AboutAlert): Alert {
  const { timeMs, hosts, ruleKey = "rule-1", ruleset = "own", kind = "detection", severity = Severity.HIGH } = about;
  const { processes = ["curl"] } = about;
  const hash = createHash("sha256").update(JSON.stringify(about)).digest("hex").slice(0, 32);
  const time = { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 };
  const kept = processes.map((name, index) => {
    const hostId = hosts[index % hosts.length] ?? "";
    const sequence = (++events).toString(16).padStart(16, "0");
    return Event.fromPartial({
      id: `${hostId}-${"1".padStart(16, "0")}-${sequence}`,
      event: { timeUnixNano: BigInt(timeMs) * 1_000_000n, action: "executed" },
      host: { id: hostId, name: `host-${hostId.slice(0, 2)}` },
      process: {
        name,
        args: [name, "--flag"],
        ancestry: [
          { name: "bash", pid: 2 },
          { name: "sshd", pid: 1 },
        ],
      },
      cloud: { tags: [{ key: "tier", value: "web" }] },
    });
  });
  return Alert.fromPartial({
    id: `${timeMs.toString(16).padStart(12, "0")}-${hash}`,
    rule: { key: ruleKey, title: `Title of ${ruleKey}`, severity, ruleset, kind, tags: ["attack.t1059"] },
    title: `${processes[0]} ran`,
    hosts: hosts.map((id) => ({ id, name: `host-${id.slice(0, 2)}` })),
    firstEventTime: time,
    lastEventTime: time,
    createTime: time,
    updateTime: time,
    count: BigInt(kept.length),
    eventIds: kept.map(({ id }) => id),
    events: kept,
  });
}

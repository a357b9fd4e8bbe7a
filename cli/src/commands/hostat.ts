/** `hosttrail host show` and `diff`: hosts as they are and were. */
import { type AnalysisServiceClient, DiffHostRequest, HostAt, HostDiff } from "@hosttrail/proto/analysis";
import { HostRecord, type QueryServiceClient } from "@hosttrail/proto/query";
import type { Budget } from "@hosttrail/proto/scan";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { call } from "../call.ts";
import { labelsOf } from "../labels.ts";
import type { Output } from "../output/index.ts";
import { tellLack } from "../question/index.ts";
import { printable, timeOf } from "../text.ts";
import { faultsOf } from "./hosts.ts";
import { line } from "./line.ts";

type Fact = readonly [name: string, value: string];

function printFacts(facts: readonly Fact[], { print, align, paint }: Output): void {
  const told = facts.filter(([, value]) => value !== "");
  print(align(told.map(([name, value]) => [paint("bold", name), printable(value)])));
}

/** A host as the collector knows it now. */
export async function showHost(client: QueryServiceClient, hostId: string, output: Output): Promise<void> {
  const host = await call<HostRecord>((done) => client.getHost({ hostId }, done));
  if (output.json) return output.print(line(HostRecord.toJSON(host)));
  printFacts(
    [
      ["HOST", host.hostId],
      ["NAME", host.name],
      ["OS", `${host.osName} ${host.osVersion}`.trim()],
      ["KERNEL", host.kernel],
      ["ARCHITECTURE", host.architecture],
      ["BOOT", host.bootId],
      ["AGENT", host.agentVersion],
      ["FIRST EVENT", timeOf(host.firstEventTime)],
      ["LAST EVENT", timeOf(host.lastEventTime)],
      ["RECEIVED", timeOf(host.lastReceiveTime)],
      ["TRAIL", faultsOf(host)],
    ],
    output,
  );
}

/** A host as its events say that it was. */
export async function showHostAt(
  client: AnalysisServiceClient,
  hostId: string,
  time: Timestamp,
  output: Output,
): Promise<void> {
  const answer = await call<HostAt>((done) => client.getHostAt({ hostId, time }, done));
  if (output.json) output.print(line(HostAt.toJSON(answer)));
  else printFacts(factsAt(answer), output);
  tellLack(answer.completeness, output);
}

function factsAt({ hostId, host, asOfTime, cloud, labels, wasReporting }: HostAt): Fact[] {
  return [
    ["HOST", hostId],
    ["NAME", host?.name ?? ""],
    ["OS", `${host?.osName ?? ""} ${host?.osVersion ?? ""}`.trim()],
    ["KERNEL", host?.kernel ?? ""],
    ["ARCHITECTURE", host?.architecture ?? ""],
    ["BOOT", host?.bootId ?? ""],
    ["ADDRESSES", host?.ip.join(", ") ?? ""],
    ["LABELS", labelsOf(labels)],
    [
      "CLOUD",
      cloud === undefined
        ? ""
        : [cloud.provider, cloud.accountId, cloud.region].filter((text) => text !== "").join(" "),
    ],
    ["INSTANCE", cloud?.instanceId ?? ""],
    ["AS OF", timeOf(asOfTime)],
    ["REPORTING", wasReporting ? "yes" : "no: nothing of it is stored within an hour"],
  ];
}

export interface DiffOptions {
  hostId: string;
  fromTime: Timestamp;
  toTime: Timestamp;
  budget: Budget | undefined;
}

/** What differs between two moments of a host. */
export async function diffHost(client: AnalysisServiceClient, asked: DiffOptions, output: Output): Promise<void> {
  const request = DiffHostRequest.fromPartial(asked);
  const answer = await call<HostDiff>((done) => client.diffHost(request, done));
  if (output.json) output.print(line(HostDiff.toJSON(answer)));
  else output.print(diffText(answer, output));
  if (answer.changesLeftOut > 0n) output.lack(`${answer.changesLeftOut} more changes were left out`);
  tellLack(answer.completeness, output, { newestFirst: true });
}

function diffText({ facts, changes }: HostDiff, { table, paint }: Output): string {
  const parts: string[] = [];
  for (const { field, from, to } of facts) {
    parts.push(`${paint("bold", printable(field))}\n`);
    if (from !== "") parts.push(`${paint("red", `- ${printable(from)}`)}\n`);
    if (to !== "") parts.push(`${paint("green", `+ ${printable(to)}`)}\n`);
  }
  if (changes.length > 0) {
    // The first time is what they are in order of, and the time of the event that is named.
    const rows = changes.map(({ kind, object, change, firstTime, count, eventId }) =>
      [timeOf(firstTime), kind, change, `${object}${count > 1n ? ` ×${count}` : ""}`, eventId].map(printable),
    );
    parts.push(table([["TIME", "KIND", "CHANGE", "OBJECT", "ID"], ...rows], ["ID"]));
  }
  return parts.length === 0 ? "nothing differs\n" : parts.join("");
}

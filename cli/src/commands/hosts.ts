/** `hosttrail hosts` */
import { HostRecord, ListHostsRequest, type ListHostsResponse, type QueryServiceClient } from "@hosttrail/proto/query";
import { call } from "../call.ts";
import type { Output } from "../output/index.ts";
import { type About, askedHosts } from "../question/index.ts";
import { printable, timeOf } from "../text.ts";
import { line } from "./line.ts";

/** Milliseconds that a clock may be off before a line of hosts says so. */
const CLOCK_OFFSET_SHOWN_MS = 5000n;

/** What is wrong with a host's trail and clock, or "ok". */
export function faultsOf({ faults, clockOffsetMs }: HostRecord): string {
  const parts: [bigint | undefined, string][] = [
    [faults?.forkedBlocks, "forked"],
    [faults?.brokenLinks, "broken links"],
    [faults?.missingEvents, "events missing"],
    [faults?.outsideBlocks, "outside of time"],
    [faults?.deadBlocks, "dead"],
  ];
  const told = parts.filter(([count]) => (count ?? 0n) > 0n).map(([count, what]) => `${count} ${what}`);
  const isOff = clockOffsetMs > CLOCK_OFFSET_SHOWN_MS || clockOffsetMs < -CLOCK_OFFSET_SHOWN_MS;
  if (isOff) told.push(`clock ${clockOffsetMs > 0n ? "+" : ""}${(Number(clockOffsetMs) / 1000).toFixed(0)} s`);
  return told.join(", ") || "ok";
}

export async function hosts(
  client: QueryServiceClient,
  about: Pick<About, "host" | "instance" | "label">,
  { json, print, table }: Output,
): Promise<void> {
  const rows = [["HOST", "NAME", "LAST EVENT", "FIRST EVENT", "RECEIVED", "AGENT", "OS", "KERNEL", "TRAIL"]];
  const asked = await askedHosts(client, about);
  let pageToken = "";
  do {
    const request = ListHostsRequest.fromPartial({ pageSize: 1000, pageToken, hosts: asked });
    const page = await call<ListHostsResponse>((done) => client.listHosts(request, done));
    for (const host of page.hosts) {
      if (json) print(line(HostRecord.toJSON(host)));
      const os = `${host.osName} ${host.osVersion}`;
      const times = [host.lastEventTime, host.firstEventTime, host.lastReceiveTime].map(timeOf);
      rows.push([host.hostId, host.name, ...times, host.agentVersion, os, host.kernel, faultsOf(host)].map(printable));
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  if (!json) print(table(rows, ["RECEIVED", "FIRST EVENT", "AGENT"]));
}

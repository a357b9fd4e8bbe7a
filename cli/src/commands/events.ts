/** Commands that ask about hosts and events. */
import { recordText } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";
import {
  HostRecord,
  ListHostsRequest,
  type ListHostsResponse,
  type QueryServiceClient,
  SearchEventsRequest,
  type SearchEventsResponse,
  TailEventsRequest,
  type TailEventsResponse,
} from "@hosttrail/proto/query";
import type { UnreadableEvents } from "@hosttrail/proto/scan";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { call } from "../call.ts";
import { eventJson } from "../event.ts";
import { EVENT_HEADER, eventRow, isoTime, printable } from "../text.ts";
import { parseTime } from "../time.ts";
import type { Output } from "../output/index.ts";

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** Milliseconds that a clock may be off before a line of hosts says so. */
const CLOCK_OFFSET_SHOWN_MS = 5000n;

/** What is wrong with a host's trail and clock, or "ok". */
function faultsOf({ faults, clockOffsetMs }: HostRecord): string {
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

/** `hosttrail hosts` */
export async function hosts(client: QueryServiceClient, { json, print, table }: Output): Promise<void> {
  const rows = [["HOST", "NAME", "LAST EVENT", "FIRST EVENT", "RECEIVED", "AGENT", "OS", "KERNEL", "TRAIL"]];
  let pageToken = "";
  do {
    const page = await call<ListHostsResponse>((done) =>
      client.listHosts(ListHostsRequest.fromPartial({ pageSize: 1000, pageToken }), done),
    );
    for (const host of page.hosts) {
      if (json) print(line(HostRecord.toJSON(host)));
      const os = `${host.osName} ${host.osVersion}`;
      const times = [host.lastEventTime, host.firstEventTime, host.lastReceiveTime].map((time) =>
        isoTime(nanosOf(time)),
      );
      rows.push([host.hostId, host.name, ...times, host.agentVersion, os, host.kernel, faultsOf(host)].map(printable));
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  if (!json) print(table(rows));
}

function nanosOf(time: Timestamp | undefined): bigint | undefined {
  return time === undefined ? undefined : time.seconds * 1_000_000_000n + BigInt(time.nanos);
}

export interface SearchOptions {
  filter: string;
  hostId: string;
  since: string | undefined;
  until: string | undefined;
  limit: number;
}

/** `hosttrail search` */
export async function search(client: QueryServiceClient, options: SearchOptions, output: Output): Promise<void> {
  const nowMs = Date.now();
  const request = {
    filter: options.filter,
    hostId: options.hostId,
    startTime: options.since === undefined ? undefined : parseTime(options.since, nowMs),
    endTime: options.until === undefined ? undefined : parseTime(options.until, nowMs),
  };
  const rows: string[][] = [[...EVENT_HEADER]];
  const lacking = new Set<string>();
  let left = options.limit;
  let pageToken = "";
  do {
    const pageSize = Math.min(left, 1000);
    const page = await call<SearchEventsResponse>((done) =>
      client.searchEvents(SearchEventsRequest.fromPartial({ ...request, pageSize, pageToken }), done),
    );
    for (const event of page.events) {
      if (output.json) output.print(line(eventJson(event)));
      else rows.push(eventRow(event));
    }
    for (const part of page.unreadable) lacking.add(lackOf(part));
    left -= page.events.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && left > 0);
  if (!output.json) output.print(output.table(rows));
  for (const text of lacking) output.lack(text);
}

/** A part of the history that is damaged where it is kept. */
function lackOf({ hostId, firstEventTime, lastEventTime, events, reason }: UnreadableEvents): string {
  const [first, last] = [firstEventTime, lastEventTime].map((time) => isoTime(nanosOf(time)));
  return printable(`up to ${events} events of host ${hostId} from ${first} to ${last} cannot be read: ${reason}`);
}

/** `hosttrail get` */
export async function get(client: QueryServiceClient, id: string, raw: boolean, output: Output): Promise<void> {
  const event = await call<Event>((done) => client.getEvent({ id }, done));
  if (raw) output.print(rawRecords(event));
  else if (output.json) output.print(line(eventJson(event)));
  else output.print(`${printableJson(eventJson(event))}\n`);
}

/** The event's records in the form of audit.log. */
function rawRecords(event: Event): string {
  const { audit } = event;
  if (audit === undefined) return "";
  const ms = (event.event?.timeUnixNano ?? 0n) / 1_000_000n;
  const stamp = `audit(${ms / 1000n}.${String(ms % 1000n).padStart(3, "0")}:${audit.serial})`;
  const node = audit.node === "" ? "" : `node=${audit.node} `;
  return audit.records
    .map(({ typeName }, index) => `${printable(`${node}type=${typeName} msg=${stamp}: ${recordText(event, index)}`)}\n`)
    .join("");
}

/** JSON escapes control characters below 0x20 itself; the others are made visible here. */
function printableJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2).split("\n").map(printable).join("\n");
}

/** `hosttrail tail`: until the signal ends it. */
export async function tail(
  client: QueryServiceClient,
  request: { filter: string; hostId: string },
  signal: AbortSignal,
  { json, print }: Output,
): Promise<void> {
  const stream = client.tailEvents(TailEventsRequest.fromPartial(request));
  signal.addEventListener("abort", () => stream.cancel(), { once: true });
  if (signal.aborted) stream.cancel();
  await new Promise<void>((resolve, reject) => {
    stream.on("data", ({ events, dropped }: TailEventsResponse) => {
      if (dropped > 0n) print(json ? line({ dropped: Number(dropped) }) : `… ${dropped} events left out: too slow\n`);
      for (const event of events) print(json ? line(eventJson(event)) : `${eventRow(event).join("  ")}\n`);
    });
    stream.on("error", (error) => (signal.aborted ? resolve() : reject(error)));
    stream.on("end", resolve);
  });
}

/** The recorded capture as the agent's own steps make events of it. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { decode } from "@hosttrail/agent/decode";
import { Enricher } from "@hosttrail/agent/enrich";
import type { RecordGroup } from "@hosttrail/agent/model";
import { Reassembler } from "@hosttrail/agent/reassemble";
import { parseLogLine } from "@hosttrail/agent/source";
import { condenseRecords } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";

export const CAPTURE: string = new URL("captures/workload.log.gz", import.meta.url).pathname;
export const HOST_ID = "00112233445566778899aabbccddeeff";

/** The capture's lines, each a string of its own as the agent makes them: no slice of one huge string. */
export function captureLines(): string[] {
  const bytes = gunzipSync(readFileSync(CAPTURE));
  const lines: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    lines.push(bytes.toString("latin1", start, end));
    start = end + 1;
  }
  return lines;
}

/** The capture's events, in the order in which they ended. */
export function captureGroups(): RecordGroup[] {
  return groupsOf(captureLines(), true);
}

/** The events of a log's lines; of the kernel's own records each ends with an EOE. */
export function groupsOf(lines: readonly string[], endOfEventExpected: boolean): RecordGroup[] {
  const groups: RecordGroup[] = [];
  const options = { timeoutMs: 1000, endOfEventExpected, bytesMax: 1 << 30 };
  const reassembler = new Reassembler(options, (group) => groups.push(group));
  for (const line of lines) {
    const record = parseLogLine(line);
    if (record === undefined) throw new Error(`not a record: ${line}`);
    reassembler.push(record, 0);
  }
  reassembler.flush("");
  return groups;
}

/** Events from groups, by decode, enrich and condense as in the agent's pipeline. */
export function eventsOf(groups: readonly RecordGroup[]): Event[] {
  const enricher = new Enricher({
    hostId: HOST_ID,
    bootId: "boot",
    labels: { env: "bench" },
    local: false,
    executableHashBytesMax: 0,
    cloud: "none",
    imdsEndpoint: "",
    redact: (args) => args,
  });
  return groups.map((group) => {
    const { event, words, executed } = decode(group);
    enricher.enrich(event, executed, 0);
    if (event.audit !== undefined) event.audit.records = condenseRecords(event, words);
    return event;
  });
}

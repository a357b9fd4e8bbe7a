/** A recorded log as the events that an agent makes of it. */
import { decode } from "@hosttrail/agent/decode";
import { Enricher } from "@hosttrail/agent/enrich";
import type { RecordGroup } from "@hosttrail/agent/model";
import { Reassembler } from "@hosttrail/agent/reassemble";
import { parseLogLine } from "@hosttrail/agent/source";
import { condenseRecords } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";

/** Events of a log's text (Latin-1), by the agent's own steps: nothing is asked of this machine. */
export function eventsOfLog(text: string): Event[] {
  const groups: RecordGroup[] = [];
  const options = { timeoutMs: 1000, endOfEventExpected: false, bytesMax: 1 << 30 };
  const reassembler = new Reassembler(options, (group) => groups.push(group));
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const record = parseLogLine(line);
    if (record === undefined) throw new Error(`not a record: ${line}`);
    reassembler.push(record, 0);
  }
  reassembler.flush("");
  const enricher = new Enricher({
    hostId: "0".repeat(32),
    bootId: "boot",
    labels: {},
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

/** An event as JSON for people and programs: the proto's own, and beside it what is written in its records as hex, read. */
import { READ_FIELDS, type ReadField, readField, readRecord } from "@hosttrail/lib/audit";
import { AuditField, AuditRecord, Event } from "@hosttrail/proto/event";

type Json = Record<string, unknown>;

/**
 * The event in the proto's JSON. `audit` has in addition what filters find as `audit.cmd`, `audit.terminal` and so on, as a list where records
 * say several; and a field with hex in it has its `text` beside the value that the kernel wrote.
 */
export function eventJson(event: Event): Json {
  const json = Event.toJSON(event) as Json;
  if (event.audit === undefined) return json;
  const records = event.audit.records.map(recordJson);
  return {
    ...json,
    audit: { ...(json["audit"] as Json), ...saidIn(event.audit.records), ...(records.length > 0 && { records }) },
  };
}

function saidIn(records: readonly AuditRecord[]): Json {
  const said: Json = {};
  for (const name of READ_FIELDS) {
    const values = valuesOf(records, name);
    if (values.length > 0) said[name] = values.length === 1 ? values[0] : values;
  }
  return said;
}

function valuesOf(records: readonly AuditRecord[], name: ReadField): string[] {
  return [...new Set(records.flatMap((record) => readRecord(record).get(name) ?? []))];
}

function recordJson(record: AuditRecord): Json {
  const json = AuditRecord.toJSON(record) as Json;
  if (record.fields.length === 0) return json;
  const fields = record.fields.map((field) => {
    const text = readField(record, field);
    return { ...(AuditField.toJSON(field) as Json), ...(text !== undefined && { text }) };
  });
  return { ...json, fields };
}

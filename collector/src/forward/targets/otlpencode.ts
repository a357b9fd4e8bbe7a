/**
 * The few messages of OTLP 1.x that exporting logs needs, as bytes of Protocol Buffers
 * (https://github.com/open-telemetry/opentelemetry-proto: collector/logs/v1/logs_service.proto, logs/v1/logs.proto, common/v1/common.proto).
 * OpenTelemetry's own packages for Node would bring its SDK for four messages. Pure.
 */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

export type Attributes = readonly (readonly [string, string | bigint])[];

export interface LogRecord {
  timeNano: bigint;
  observedNano: bigint;
  severity: { number: number; text: string };
  eventName: string;
  body: string;
  attributes: Attributes;
}

/** Records of one resource. */
export interface ResourceRecords {
  attributes: Attributes;
  records: readonly LogRecord[];
}

export interface Scope {
  name: string;
  version: string;
}

/** A tag of a field: its number, and whether it is a varint (0), 64 bits (1) or has a length (2). */
const WIRE = { varint: 0, fixed64: 1, bytes: 2 } as const;
const TAG_TYPE_BITS = 3;

/** An ExportLogsServiceRequest. */
export function encodeRequest(resources: readonly ResourceRecords[], scope: Scope): Uint8Array {
  const writer = new BinaryWriter();
  for (const { attributes, records } of resources)
    message(writer, 1, (resourceLogs) => {
      message(resourceLogs, 1, (resource) => keyValues(resource, 1, attributes));
      message(resourceLogs, 2, (scopeLogs) => {
        message(scopeLogs, 1, (own) => {
          own.tag(1, WIRE.bytes).string(scope.name);
          own.tag(2, WIRE.bytes).string(scope.version);
        });
        for (const record of records) message(scopeLogs, 2, (own) => logRecord(own, record));
      });
    });
  return writer.finish();
}

/** Records that the receiver did not take, and why, of an ExportLogsServiceResponse. Of what is none: nothing. */
export function decodeResponse(bytes: Uint8Array): { rejected: number; reason: string } {
  const found = { rejected: 0, reason: "" };
  try {
    each(new BinaryReader(bytes), (response, field) => {
      if (field !== 1) return false;
      each(new BinaryReader(response.bytes()), (partial, number) => {
        if (number === 1) found.rejected = Number(partial.int64());
        else if (number === 2) found.reason = partial.string();
        else return false;
        return true;
      });
      return true;
    });
  } catch {
    return { rejected: 0, reason: "" };
  }
  return found;
}

function logRecord(writer: BinaryWriter, record: LogRecord): void {
  const { timeNano, observedNano, severity, body, attributes, eventName } = record;
  writer.tag(1, WIRE.fixed64).fixed64(timeNano);
  writer.tag(2, WIRE.varint).int32(severity.number);
  writer.tag(3, WIRE.bytes).string(severity.text);
  message(writer, 5, (value) => value.tag(1, WIRE.bytes).string(body));
  keyValues(writer, 6, attributes);
  writer.tag(11, WIRE.fixed64).fixed64(observedNano);
  writer.tag(12, WIRE.bytes).string(eventName);
}

function keyValues(writer: BinaryWriter, field: number, attributes: Attributes): void {
  for (const [key, value] of attributes)
    message(writer, field, (pair) => {
      pair.tag(1, WIRE.bytes).string(key);
      message(pair, 2, (own) =>
        typeof value === "string" ? own.tag(1, WIRE.bytes).string(value) : own.tag(3, WIRE.varint).int64(value),
      );
    });
}

function message(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => unknown): void {
  writer.tag(field, WIRE.bytes).fork();
  write(writer);
  writer.join();
}

/** `take` says whether it has read the field; others are passed over. */
function each(reader: BinaryReader, take: (reader: BinaryReader, field: number) => boolean): void {
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (!take(reader, tag >>> TAG_TYPE_BITS)) reader.skip(tag & ((1 << TAG_TYPE_BITS) - 1));
  }
}

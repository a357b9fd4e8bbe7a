/** Sends events as a file, in pieces. */
import type { Event } from "@hosttrail/proto/event";
import { type ExportEventsRequest, type ExportEventsResponse, ExportFormat } from "@hosttrail/proto/query";
import { FieldsError, fileWriter, type FileWriter } from "../export/index.ts";
import { completenessOf, type ScanReport } from "../scan/index.ts";
import { invalidField, type Sink } from "../serve/index.ts";

/** Bytes of one message; a file goes on in the next one. */
const MESSAGE_BYTES_MAX = 256 * 1024;
const NO_BYTES = new Uint8Array(0);

/** Throws a ServiceError for a format or for fields that there are not. */
export function exportWriter({ format, fields }: Pick<ExportEventsRequest, "format" | "fields">): FileWriter {
  try {
    const writer = fileWriter(format, fields);
    if (writer !== undefined) return writer;
  } catch (error) {
    if (!(error instanceof FieldsError)) throw error;
    throw invalidField("fields", fields.join(), `fields by their ECS names: ${error.message}`);
  }
  throw invalidField("format", format, `one of ${Object.keys(ExportFormat).slice(1).join(", ")}`);
}

/** A sink of events that sends what a writer makes of them. */
export class ExportSink {
  readonly #sink: Sink<ExportEventsResponse>;
  readonly #writer: FileWriter;
  #events = 0n;

  constructor(sink: Sink<ExportEventsResponse>, writer: FileWriter) {
    this.#sink = sink;
    this.#writer = writer;
  }

  async write(events: readonly Event[]): Promise<void> {
    const data = this.#writer.write(events);
    this.#events += BigInt(events.length);
    await this.#send(data);
  }

  async end(): Promise<void> {
    await this.#send(this.#writer.end());
  }

  /** What was looked at until now. */
  async tell(report: ScanReport): Promise<void> {
    await this.#sink.write({ data: NO_BYTES, events: this.#events, completeness: completenessOf(report) });
  }

  async #send(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; at += MESSAGE_BYTES_MAX) {
      const piece = data.subarray(at, at + MESSAGE_BYTES_MAX);
      await this.#sink.write({ data: piece, events: this.#events, completeness: undefined });
    }
  }
}

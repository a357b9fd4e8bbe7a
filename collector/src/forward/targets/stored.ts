/** A target that keeps files: a folder or an object store. */
import type { Event } from "@hosttrail/proto/event";
import { Alert } from "@hosttrail/proto/alert";
import type { Batch, BatchName, Target } from "../ports.ts";
import { type Compression, type PartStore, PartsBatch, type RowWriter } from "./parts.ts";

export interface StoredOptions {
  /** Makes one file's bytes of events. */
  openWriter: () => RowWriter<Event>;
  /** With its dot: ".parquet" or ".jsonl". */
  extension: string;
  /** Of JSON Lines; Parquet has its own. */
  compression: Compression;
  bytesMax: number;
  told: (bytes: number) => void;
}

const encoder = new TextEncoder();

/** `events/day=YYYY-MM-DD/<batch>-<part>.parquet`, and `alerts/…` of JSON Lines. */
export class StoredTarget implements Target {
  readonly #store: PartStore & Pick<Target, "tidy" | "close">;
  readonly #options: StoredOptions;

  constructor(store: PartStore & Pick<Target, "tidy" | "close">, options: StoredOptions) {
    this.#store = store;
    this.#options = options;
  }

  openEvents({ id, day }: BatchName, signal: AbortSignal): Batch<Event> {
    const { openWriter, extension, compression, bytesMax, told } = this.#options;
    const parts = { extension, bytesMax, open: openWriter, prefix: `events/day=${day}/${id}` };
    const own = extension === ".parquet" ? "none" : compression;
    return new PartsBatch(this.#store, { ...parts, compression: own }, signal, told);
  }

  openAlerts({ id, day }: BatchName, signal: AbortSignal): Batch<Alert> {
    const { compression, bytesMax, told } = this.#options;
    const parts = { extension: ".jsonl", bytesMax, open: alertLines, prefix: `alerts/day=${day}/${id}` };
    return new PartsBatch(this.#store, { ...parts, compression }, signal, told);
  }

  async tidy(): Promise<void> {
    await this.#store.tidy?.();
  }

  close(): void {
    this.#store.close?.();
  }
}

/** Alerts as the API gives them, one a line. */
function alertLines(): RowWriter<Alert> {
  return {
    write: (alerts) => encoder.encode(alerts.map((alert) => `${JSON.stringify(Alert.toJSON(alert))}\n`).join("")),
    end: () => new Uint8Array(0),
  };
}

/** What writes events as a file. */
import type { ColumnBlock } from "@hosttrail/lib/block";

export interface FileWriter {
  /** The bytes that the file goes on with; may be none until there is more. */
  write(block: ColumnBlock, events: readonly number[]): Uint8Array;
  /** The bytes that it ends with. */
  end(): Uint8Array;
}

const encoder = new TextEncoder();

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** One JSON object a line. */
export function lines(document: (block: ColumnBlock, event: number) => unknown): FileWriter {
  return {
    write: (block, events) =>
      encoder.encode(events.map((event) => `${JSON.stringify(document(block, event))}\n`).join("")),
    end: () => NO_BYTES,
  };
}

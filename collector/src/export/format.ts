/** What writes events as a file. */
import type { Event } from "@hosttrail/proto/event";

export interface FileWriter {
  /** The bytes that the file goes on with; may be none until there is more. */
  write(events: readonly Event[]): Uint8Array;
  /** The bytes that it ends with. */
  end(): Uint8Array;
}

const encoder = new TextEncoder();

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** One text a line; there is no end of line in it. */
export function lines(text: (event: Event) => string): FileWriter {
  return {
    write: (events) => encoder.encode(events.map((event) => `${text(event)}\n`).join("")),
    end: () => NO_BYTES,
  };
}

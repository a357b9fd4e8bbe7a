/**
 * Comma-separated values by RFC 4180, with a header. Several values of a field are joined by a space; a text that a table program would
 * take for a formula has an apostrophe before it, since what is in it was chosen by whoever is watched.
 */
import type { Event } from "@hosttrail/proto/event";
import type { FileColumn } from "./cells.ts";
import { type FileWriter, NO_BYTES } from "./format.ts";

const FORMULA = /^[=+@\t\r]|^-(?!\d+$)/;
const encoder = new TextEncoder();

export function csvWriter(columns: readonly FileColumn[]): FileWriter {
  // Names of fields have nothing in them that must be quoted, and are what they are.
  let header: string | undefined = `${columns.map(({ name }) => name).join(",")}\r\n`;
  const begin = (): string => {
    const text = header ?? "";
    header = undefined;
    return text;
  };
  return {
    write(events: readonly Event[]) {
      const rows = events.map(
        (event) => `${columns.map((column) => quoted(column.texts(event).join(" "))).join(",")}\r\n`,
      );
      return encoder.encode(begin() + rows.join(""));
    },
    end: () => (header === undefined ? NO_BYTES : encoder.encode(begin())),
  };
}

function quoted(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Apache Parquet by hyparquet-writer: a row group for some thousand events, so that no more than these are held. Columns are nullable;
 * numbers are INT64, the time is nanoseconds in UTC, fields with several values are lists, all else is text.
 */
import { zstdCompressSync } from "node:zlib";
import type { Event } from "@hosttrail/proto/event";
import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { type FileColumn, TIME_FIELD } from "./cells.ts";
import { type FileWriter, NO_BYTES } from "./format.ts";

const ROW_GROUP = 16_384;
/** Texts of a row group, about; values of an event may be long. */
const ROW_GROUP_CHARACTERS = 32 * 1024 * 1024;
const NUMBER = /(?:\.pid|\.port|\.size|\.sequence|\.serial|\.exit|\.inode|args_count|\.redacted)$/;

type Cell = string | bigint | readonly string[] | undefined;

/** Gives out what was written since the last time; places in the file go on counting. */
class Chunks extends ByteWriter {
  take(): Uint8Array {
    const bytes = this.getBytes().slice();
    this.index = 0;
    return bytes;
  }
}

export function parquetWriter(columns: readonly FileColumn[]): FileWriter {
  return new Parquet(columns);
}

class Parquet implements FileWriter {
  readonly #columns: readonly FileColumn[];
  readonly #chunks = new Chunks();
  readonly #writer: ParquetWriter;
  #cells: Cell[][];
  #rows = 0;
  #characters = 0;

  constructor(columns: readonly FileColumn[]) {
    this.#columns = columns;
    this.#cells = columns.map(() => []);
    this.#writer = new ParquetWriter({
      writer: this.#chunks,
      schema: schemaOf(columns),
      codec: "ZSTD",
      compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
      createdBy: "hosttrail",
    });
  }

  write(events: readonly Event[]): Uint8Array {
    for (const [at, column] of this.#columns.entries()) {
      const list = this.#cells[at] as Cell[];
      for (const event of events) {
        const texts = column.texts(event);
        for (const text of texts) this.#characters += text.length;
        list.push(cellOf(column, texts, event));
      }
    }
    this.#rows += events.length;
    if (this.#rows < ROW_GROUP && this.#characters < ROW_GROUP_CHARACTERS) return NO_BYTES;
    this.#flush();
    return this.#chunks.take();
  }

  end(): Uint8Array {
    if (this.#rows > 0) this.#flush();
    // Nothing is waited for: bytes stay here until they are taken.
    void this.#writer.finish();
    return this.#chunks.take();
  }

  #flush(): void {
    const columnData = this.#columns.map(({ name }, at) => ({ name, data: this.#cells[at] as unknown[] }));
    void this.#writer.write({ columnData, rowGroupSize: this.#rows });
    this.#cells = this.#columns.map(() => []);
    this.#rows = 0;
    this.#characters = 0;
  }
}

function isNumber({ name, isList }: FileColumn): boolean {
  return !isList && NUMBER.test(name);
}

function cellOf(column: FileColumn, texts: readonly string[], { event }: Event): Cell {
  if (column.name === TIME_FIELD) return event?.timeUnixNano ?? 0n;
  if (column.isList) return texts.length === 0 ? undefined : texts;
  const [text] = texts;
  return text !== undefined && isNumber(column) ? BigInt(text) : text;
}

function schemaOf(columns: readonly FileColumn[]): SchemaElement[] {
  const TEXT = { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } } as const;
  const elements = columns.flatMap((column): SchemaElement[] => {
    const { name, isList } = column;
    if (name === TIME_FIELD) {
      const logical = { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" } as const;
      return [{ name, type: "INT64", repetition_type: "REQUIRED", logical_type: logical }];
    }
    if (isList) {
      return [
        { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        { name: "element", repetition_type: "REQUIRED", ...TEXT },
      ];
    }
    return [
      isNumber(column)
        ? { name, type: "INT64", repetition_type: "OPTIONAL" }
        : { name, repetition_type: "OPTIONAL", ...TEXT },
    ];
  });
  return [{ name: "events", num_children: columns.length }, ...elements];
}

/** Entries as bytes. */
import type { ByteReader, ByteWriter } from "./bytes.ts";
import type { Entry } from "./entry.ts";

/** Numbers of entries that came before begin here. */
const KNOWN = 1;
const NEW = 0;

export class EntryWriter {
  readonly #writer: ByteWriter;
  readonly #known = new Map<Entry, number>();

  constructor(writer: ByteWriter) {
    this.#writer = writer;
  }

  /** Where only events are counted, all rules and groups have one entry of an event; it is written once, and is one again when read. */
  write(entry: Entry): void {
    const writer = this.#writer;
    const isShared = entry.rules.length === 0 && entry.values.length === 0;
    const known = isShared ? this.#known.get(entry) : undefined;
    if (known !== undefined) {
      writer.count(KNOWN + known);
      return;
    }
    writer.count(NEW);
    if (isShared) this.#known.set(entry, this.#known.size);
    writer.moment(entry);
    writer.text(entry.id);
    writer.flag(entry.isInner);
    writer.text(entry.hostId);
    writer.nano(entry.receivedNano);
    writer.flag(entry.isLate);
    writer.list(entry.rules, (rule) => writer.count(rule));
    writer.list(entry.values, (value) => {
      writer.flag(typeof value === "number");
      if (typeof value === "number") writer.number(value);
      else writer.text(value);
    });
  }
}

export class EntryReader {
  readonly #reader: ByteReader;
  readonly #known: Entry[] = [];

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  read(): Entry {
    const reader = this.#reader;
    const number = reader.count();
    if (number !== NEW) return this.#known[number - KNOWN] ?? reader.fail("an event that is not there");
    const { seconds, nanos } = reader.moment();
    const entry: Entry = {
      seconds,
      nanos,
      id: reader.text(),
      isInner: reader.flag(),
      hostId: reader.text(),
      receivedNano: reader.nano(),
      isLate: reader.flag(),
      rules: reader.list(() => reader.count()),
      values: reader.list(() => (reader.flag() ? reader.finite() : reader.text())),
    };
    if (entry.rules.length === 0 && entry.values.length === 0) this.#known.push(entry);
    return entry;
  }
}

/**
 * From an event's records to the event: redact -> decode -> enrich.
 *
 * Of a shape that came before, what was made of the last event is used again, with the time, the serial and the numbers of the call of the new
 * one. The result is the same as if all steps had been gone: an event for which they could give something else is not taken for one.
 */
import { condenseRecords } from "@hosttrail/lib/audit";
import { Decoder, meansTheSame } from "../decode/index.ts";
import type { Enricher } from "../enrich/index.ts";
import { priorityOf } from "../governor/index.ts";
import { lengthOf, type Made, type RecordGroup, type Repetition } from "../model/index.ts";
import type { Redactor } from "../redact/index.ts";
import { ownEvent, writeOwn } from "./repeat.ts";

export interface MakeOptions {
  redactor: Redactor;
  enricher: Enricher;
  /** Keys of rules that are less or more important than others. */
  priorities: { low: readonly string[]; high: readonly string[] };
}

export class EventMaker {
  readonly #options: MakeOptions;
  readonly #decoder: Decoder;

  constructor(options: MakeOptions) {
    this.#options = options;
    this.#decoder = new Decoder((records, args) => options.redactor.records(records, args));
  }

  /** `nowMs` is monotonic. */
  make(group: RecordGroup, nowMs: number): Made {
    const { redactor, enricher, priorities } = this.#options;
    const redactedBefore = redactor.count;
    const { event, words, executed } = this.#decoder.decode(group);
    enricher.enrich(event, executed, nowMs);
    if (event.audit !== undefined) {
      event.audit.redacted = redactor.count - redactedBefore;
      event.audit.records = condenseRecords(event, words);
    }
    let recordBytes = 0;
    for (const record of group.records) recordBytes += lengthOf(record);
    return { event, recordBytes, priority: priorityOf(event.audit?.keys ?? [], priorities) };
  }

  /** Remembers what was made of these records for other events of their shape, where it will be right for them, too. */
  remember({ records, partial }: RecordGroup, made: Made, nowMs: number): void {
    const shape = records[0]?.shape;
    if (shape === undefined) return;
    const validity = partial === "" ? this.#options.enricher.validity(made.event, nowMs) : undefined;
    shape.memory = validity && { made: { ...made, event: ownEvent(made.event) }, validity };
  }

  /** The event of this repetition, to be used before the next one of its shape is asked for; undefined where its records are needed. */
  repeat(repetition: Repetition, nowMs: number): Made | undefined {
    const { shape, call } = repetition;
    if (shape.memory === undefined) return undefined;
    const { made, validity } = shape.memory;
    const syscall = made.event.audit?.syscall;
    const isRight = syscall !== undefined && meansTheSame(syscall, call);
    if (!isRight || !this.#options.enricher.enrichAgain(made.event, validity, nowMs)) {
      shape.memory = undefined;
      return undefined;
    }
    writeOwn(made.event, repetition);
    return made;
  }

  /** Counts an event that was repeated and is kept. */
  keep({ event }: Made): void {
    this.#options.redactor.count += event.audit?.redacted ?? 0;
  }

  /** Gives memory back. */
  shrink(): void {
    this.#decoder.shrink();
  }
}

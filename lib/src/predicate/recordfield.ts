/** Fields of records, `audit.<TYPE>.<field>`, by their names in auditd's log. */
import { recordTypeNumber } from "../audit/index.ts";
import { mayKeep } from "./kept.ts";
import type { Refs, Source } from "./many/index.ts";
import { type Mask, without } from "./mask.ts";
import type { Page } from "./page.ts";
import { ANY_VALUE, type Question } from "./question.ts";
import { recordShape } from "./records.ts";
import type { Test } from "./combine.ts";

/** A field of the records of one type. */
export interface RecordField {
  type: number;
  name: string;
}

/** True where a field's name is of this kind, whatever its type is. */
export function isRecordPath(path: readonly string[]): boolean {
  return path.length > 2 && path[0] === "audit" && /^[A-Z]/.test(path[1] ?? "");
}

/** Undefined where there is no such type of records. */
export function recordFieldOf(path: readonly string[]): RecordField | undefined {
  const type = recordTypeNumber(path[1] ?? "");
  return type === undefined ? undefined : { type, name: path.slice(2).join(".") };
}

/** A record of the type has a text that passes. No sieve knows of these. */
export function passingRecord(field: RecordField, question: Question): Test {
  const sources = recordShape(field.type, []).sources.filter(
    (source) => source.reader(field.name) !== undefined || source.others !== undefined,
  );
  return {
    cost: COST * (question.isCostly === true ? 10 : 1),
    mayMatch: () => true,
    decide: (page, among) => decide(page, field, sources, question, among),
  };
}

/** A record of the type has the field, and none has a text that passes. */
export function differingRecord(field: RecordField, question: Question): Test {
  const equal = passingRecord(field, question);
  const some = passingRecord(field, ANY_VALUE);
  return {
    cost: equal.cost + some.cost,
    mayMatch: () => true,
    decide(page, among) {
      const there = some.decide(page, among);
      return without(equal.decide(page, there), there);
    },
  };
}

/** Beside other fields: records are many, and what they say is read for the asking. */
const COST = 30;
const NONE = new Uint32Array(0);
const ROWS_MAX = 1 << 20;
const NO = 1;
const YES = 2;

/** A source with what was decided of its rows. */
interface Opened {
  refs: Refs;
  passes: (row: number) => boolean;
}

function decide(
  page: Page,
  field: RecordField,
  sources: readonly Source[],
  question: Question,
  among: Mask | undefined,
): Mask {
  const { block } = page;
  const found = new Uint8Array(block.count);
  const { offsets, values } = block.columns.records;
  const [rows = NONE] = values;
  const types = block.records.numbers("type");
  if (!types.includes(field.type)) return found;
  const opened = sources.map((source) => open(page, source, field.name, question));
  for (let event = 0; event < block.count; event++) {
    if (among !== undefined && among[event] === 0) continue;
    const end = offsets[event + 1] ?? 0;
    for (let at = offsets[event] ?? 0; at < end; at++) {
      if (types[(rows[at] ?? 0) - 1] !== field.type || !opened.some((source) => holds(source, event, at))) continue;
      found[event] = 1;
      break;
    }
  }
  return found;
}

function holds({ refs: { rows, offsets, byRecord = false }, passes }: Opened, event: number, record: number): boolean {
  if (offsets === undefined) {
    const row = rows[byRecord ? record : event] ?? 0;
    return row !== 0 && passes(row - 1);
  }
  const end = offsets[event + 1] ?? 0;
  for (let at = offsets[event] ?? 0; at < end; at++) if (passes((rows[at] ?? 0) - 1)) return true;
  return false;
}

function open(page: Page, source: Source, name: string, question: Question): Opened {
  const refs = source.refs(page.block);
  let last = 0;
  for (const row of refs.rows) if (row > last) last = row;
  // A damaged block may refer to rows that are not there; what is beyond is not remembered.
  const decided = new Uint8Array(Math.min(last, ROWS_MAX));
  const test = textTest(page, source, name, question);
  return {
    refs,
    passes(row) {
      const known = decided[row] ?? 0;
      if (known !== 0) return known === YES;
      const isPassed = test(row);
      decided[row] = isPassed ? YES : NO;
      return isPassed;
    },
  };
}

function textTest(page: Page, source: Source, name: string, question: Question): (row: number) => boolean {
  const { block } = page;
  const read = source.reader(name);
  const others = source.others?.bind(source);
  if (others !== undefined) {
    const wanted = { has: (each: string) => each === name };
    const may = mayKeep(block.records.lists("fields"), question, page);
    return (row) =>
      may?.(row) !== false && others(block, row, wanted).some(([each, text]) => each === name && question.test(text));
  }
  return (row) => {
    const texts = read?.(block, row);
    if (texts === undefined) return false;
    return typeof texts === "string" ? question.test(texts) : texts.some((text) => question.test(text));
  };
}

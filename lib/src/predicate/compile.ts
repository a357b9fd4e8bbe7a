/** A filter's tree to what it asks of blocks. What can never match is refused here, with the place. */
import { RECORD_TYPE } from "../audit/index.ts";
import { nearest } from "../spelling/index.ts";
import { FilterError, shown } from "./error.ts";
import type { Field } from "./field.ts";
import { FIELDS } from "./fields.ts";
import { functionOf, questionOfCall } from "./functions.ts";
import { isOrder } from "./order.ts";
import { isLike, isThere, type Question } from "./question.ts";
import { differingRecord, isRecordPath, passingRecord, type RecordField, recordFieldOf } from "./recordfield.ts";
import { differing, every, none, passing, some, type Test } from "./combine.ts";
import { isAnything, nameOf, type Restriction, textOf, type Tree, type Word } from "./tree.ts";
import * as types from "./types.ts";
import { wordTest } from "./words.ts";

/** Makes a filter's tree to a test; throws a FilterError where a part of it can never match. */
export function compileTree(tree: Tree): Test {
  switch (tree.kind) {
    case "and":
      return every(tree.parts.map(compileTree));
    case "or":
      return some(tree.parts.map(compileTree));
    case "not":
      return none(compileTree(tree.part));
    case "word":
      return compileWord(tree);
    case "call": {
      functionOf(tree.name, tree.column);
      const target = targetOf(tree.path, tree.pathColumn);
      return testOf(target, questionOfCall(tree, target.type), false);
    }
    default:
      return compileRestriction(tree);
  }
}

function compileWord({ value, column }: Word): Test {
  const text = textOf(value);
  if (!value.isQuoted && (FIELDS.has(text) || isRecordPath(text.split("."))))
    throw new FilterError(
      column,
      `${text} is a field, without a comparison; that it has a value is ${text}:*, and the word itself is "${text}" in quotes`,
    );
  if (text === "") throw new FilterError(column, "an empty word; it would be found everywhere");
  if (value.parts.length > 1)
    throw new FilterError(
      column,
      `a star in the word ${shown(text)}; a word is found anywhere in a text and needs none, and a star itself is written \\*`,
    );
  return wordTest(text);
}

/** What a restriction or a function is about. */
type Target =
  | { kind: "field"; name: string; field: Field; type: types.FieldType; list: boolean }
  | { kind: "record"; name: string; record: RecordField; type: types.FieldType; list: boolean };

/** Texts as auditd prints them, in whatever base. */
const RECORD_TEXT: types.FieldType = {
  allowed: "a text as auditd prints it",
  isText: true,
  form: String,
  ask: (asked, part) => types.text.ask(asked, part),
  like: (parts, part) => isLike(parts, !part),
  inPlaceOfOrder:
    "fields of records are texts as auditd prints them; numbers have fields of their own, as process.pid, user.id, audit.exit and file.inode",
};

function targetOf(path: readonly string[], column: number): Target {
  const name = nameOf(path);
  const field = FIELDS.get(name) ?? labelOf(path);
  if (field !== undefined) return { kind: "field", name, field, type: field.type, list: field.list };
  if (!isRecordPath(path)) throw new FilterError(column, unknownField(name));
  const record = recordFieldOf(path);
  const type = path[1] ?? "";
  if (record === undefined || record.name === "")
    throw new FilterError(
      column,
      record === undefined
        ? `unknown type of records ${shown(type)}${nearest(type, recordTypes())}; allowed is audit.<TYPE>.<field>, as audit.SYSCALL.a1 or audit.UNKNOWN[1420].op`
        : `no field of records after ${type}`,
    );
  return { kind: "record", name, record, type: RECORD_TEXT, list: false };
}

function recordTypes(): string[] {
  return Array.from(RECORD_TYPE.entries(), ([, type]) => type);
}

const LABELS = "host.labels";

/** The values of one label. */
function labelOf(path: readonly string[]): Field | undefined {
  if (path.length < 3 || nameOf(path.slice(0, 2)) !== LABELS) return undefined;
  const labels = FIELDS.get(LABELS);
  const start = `${nameOf(path.slice(2))}=`;
  if (labels === undefined || start === "=") return undefined;
  return {
    ...labels,
    type: types.text,
    list: false,
    value(row: never) {
      const values = labels.value(row);
      return Array.isArray(values)
        ? values.flatMap((value) => (String(value).startsWith(start) ? [String(value).slice(start.length)] : []))
        : undefined;
    },
  };
}

function unknownField(name: string): string {
  const around = [...FIELDS.keys()].findLast((field) => name.startsWith(`${field}.`));
  if (around !== undefined)
    return `unknown field ${shown(name)}: ${around} has no fields in it${FIELDS.get(around)?.list === true ? `; an item of it is asked for by ${around} : value, whatever its place` : ""}`;
  const [group = ""] = name.split(".");
  const alike = [...FIELDS.keys()].filter((field) => field.startsWith(`${group}.`));
  const groups = [...new Set(Array.from(FIELDS.keys(), (field) => field.split(".")[0] ?? ""))];
  const known =
    alike.length > 0
      ? `those of ${group} are ${alike.join(", ")}`
      : `fields begin with ${groups.join(", ")}, as user.name or process.command_line`;
  return `unknown field ${shown(name)}${nearest(name, FIELDS.keys())}; ${known}`;
}

function testOf(target: Target, question: Question, isDifferent: boolean): Test {
  if (target.kind === "record")
    return isDifferent ? differingRecord(target.record, question) : passingRecord(target.record, question);
  const { name, field } = target;
  return isDifferent ? differing(name, field, question) : passing(name, field, question);
}

function compileRestriction(restriction: Restriction): Test {
  const { comparator, value } = restriction;
  const group = groupTest(restriction);
  if (group !== undefined) return group;
  const target = targetOf(restriction.path, restriction.column);
  if (isAnything(value)) {
    if (comparator === ":" || comparator === "=") return testOf(target, isThere(target.type.none), false);
    throw new FilterError(
      value.column,
      `${target.name} ${comparator} * never holds; that it has no value is NOT ${target.name}:*`,
    );
  }
  return testOf(target, questionOf(target, restriction), comparator === "!=");
}

/** `user:*` and `user:name`: of a group of fields, whether any or this one has a value. Undefined for what is no group. */
function groupTest({ path, comparator, value }: Restriction): Test | undefined {
  const prefix = `${nameOf(path)}.`;
  if (comparator !== ":" || FIELDS.has(nameOf(path))) return undefined;
  const fields = [...FIELDS].filter(([name]) => name.startsWith(prefix));
  const asked = isAnything(value) ? fields : fields.filter(([name]) => name === `${prefix}${textOf(value)}`);
  if (asked.length === 0) return undefined;
  return some(asked.map(([name, field]) => passing(name, field, isThere(field.type.none))));
}

/** What a comparison asks of a value; throws where no value can be that. */
function questionOf({ name, type, list }: Target, { comparator, value }: Restriction): Question {
  const text = textOf(value);
  if (isOrder(comparator)) {
    if (type.order === undefined || value.parts.length > 1)
      throw new FilterError(
        value.column,
        type.order === undefined
          ? `${name} ${comparator} ${shown(text)}: ${type.inPlaceOfOrder ?? `its values have no order; allowed are =, != and :`}`
          : `a star behind ${comparator}; it stands for any text behind = and :, and a star itself is written \\*`,
      );
    return known(type.order(comparator, text), `${name} ${comparator} ${shown(text)} never holds`, type, value.column);
  }
  // `:` on a list asks for an item; on a text for a part of it.
  const isPart = comparator === ":" && !list;
  const asked =
    value.parts.length > 1 && type.like !== undefined ? type.like(value.parts, isPart) : type.ask(text, isPart);
  return known(asked, `${name} is never ${shown(text)}`, type, value.column);
}

type Asked = Question | { problem: string } | undefined;

function known(asked: Asked, what: string, { allowed }: types.FieldType, column: number): Question {
  if (asked !== undefined && !("problem" in asked)) return asked;
  throw new FilterError(column, `${what}: ${asked === undefined ? `allowed is ${allowed}` : asked.problem}`);
}

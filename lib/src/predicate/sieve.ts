/**
 * What a sieve is told of a block, and what it is asked before the block is opened. Both stand here, since a value that is asked for in
 * another form than it was told in would never be found.
 */
import type { ColumnBlock } from "../block/index.ts";
import { FIELDS, type Field } from "./fields.ts";
import { formsOf } from "./forms.ts";
import type { Question } from "./types.ts";

/** Who is told: SieveBuilder of lib/sieve. */
export interface SieveKeys {
  addTerm(field: string, value: string): void;
  addText(group: number, text: string): void;
}

/** Who is asked: Sieve of lib/sieve. */
export interface SieveAnswers {
  mayHaveTerm(field: string, value: string): boolean;
  mayHavePart(group: number, part: string): boolean;
}

/** Tells all that a filter can ask for. The block's rows are read, its events are not built. */
export function tellSieve(block: ColumnBlock, keys: SieveKeys): void {
  const told = new Map<number, Set<string>>();
  for (const [name, field] of FIELDS) {
    const { indexed, group, covered } = field;
    const isText = group !== undefined && !covered;
    if (!indexed && !isText) continue;
    const texts = isText ? (told.get(group) ?? new Set<string>()) : undefined;
    if (isText && texts !== undefined) told.set(group, texts);
    for (const form of distinctForms(block, field)) {
      if (indexed) keys.addTerm(name, form);
      // Many fields of a group have the same text.
      if (texts === undefined || texts.has(form)) continue;
      texts.add(form);
      keys.addText(group as number, form);
    }
  }
}

function distinctForms(block: ColumnBlock, field: Field): Set<string> {
  const forms = new Set<string>();
  for (const row of field.rows(block)) for (const form of formsOf(field, field.value(row as never))) forms.add(form);
  forms.delete("");
  return forms;
}

/** False where no value that the sieve was told of passes the question. */
export function mayAnswer(sieve: SieveAnswers, name: string, { indexed, group }: Field, question: Question): boolean {
  const { form, part } = question;
  // A sieve is not told of values that are not there.
  if (form === "") return true;
  if (indexed && form !== undefined) return sieve.mayHaveTerm(name, form);
  const text = form ?? part;
  return group === undefined || text === undefined || sieve.mayHavePart(group, text);
}

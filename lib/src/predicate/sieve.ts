/**
 * What a sieve is told of a block, and what it is asked before the block is opened. Both stand here, since a value that is asked for in
 * another form than it was told in would never be found.
 */
import type { ColumnBlock } from "../block/index.ts";
import { mayHaveLower } from "./anycase.ts";
import type { SieveAnswers } from "./answers.ts";
import type { Field } from "./field.ts";
import { FIELDS } from "./fields.ts";
import { formsOf } from "./forms.ts";
import type { Question } from "./question.ts";

/** Who is told: SieveBuilder of lib/sieve. */
export interface SieveKeys {
  addTerm(field: string, value: string): void;
  addText(group: number, text: string): void;
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
  const { form, parts = [], lowerParts = [] } = question;
  // A sieve is not told of values that are not there.
  if (form === "") return true;
  if (indexed && form !== undefined) return sieve.mayHaveTerm(name, form);
  if (group === undefined) return true;
  if (form !== undefined) return sieve.mayHavePart(group, form);
  if (!parts.every((part) => sieve.mayHavePart(group, part))) return false;
  return lowerParts.length === 0 || lowerParts.some((part) => mayHaveLower(sieve, group, part));
}

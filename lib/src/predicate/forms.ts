/** A field's values in the form in which they are compared, whoever compares them. */
import type { Field, FieldValue } from "./field.ts";
import type { Value } from "./types.ts";

const NO_FORMS: readonly string[] = [];

/** The values of a row, in the one form that each has. Most rows have one value or none. */
export function formsOf({ type }: Field, values: FieldValue): readonly string[] {
  if (values === undefined) return NO_FORMS;
  if (Array.isArray(values)) {
    return (values as readonly (Value | undefined)[]).flatMap((value) =>
      value === undefined ? [] : (type.form(value) ?? []),
    );
  }
  const form = type.form(values as Value);
  return form === undefined ? NO_FORMS : [form];
}

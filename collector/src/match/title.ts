/** Titles of alerts: a rule's own, or its template with what the event has in the fields that it names. */
import type { AnyRule } from "@hosttrail/lib/sigma";

/** Characters of a field's text in a title, and of a title. */
const FIELD_LENGTH_MAX = 120;
const TITLE_LENGTH_MAX = 300;
/** What stands for a field that the event does not have. */
const NOTHING = "?";
const FIELD = /\{\{\s*([^{}\s]+)\s*\}\}/g;

export function alertTitle(
  { title, alertTitle: template }: Pick<AnyRule, "title" | "alertTitle">,
  textsOf: (field: string) => readonly string[],
): string {
  if (template === "") return title;
  const filled = template.replaceAll(FIELD, (_whole, field: string) => {
    const [text = NOTHING] = textsOf(field);
    return shortened(text, FIELD_LENGTH_MAX);
  });
  return shortened(filled, TITLE_LENGTH_MAX);
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** Ready questions with what was said for their parameters. */
import { QUESTIONS, type ReadyQuestion } from "./questions.ts";

export { QUESTIONS, type ReadyQuestion } from "./questions.ts";

/** A ready question that cannot be asked as it was typed. */
export class LibraryError extends Error {
  override readonly name = "LibraryError";
}

/** The question of a name; throws a LibraryError that names the known ones. */
export function readyQuestion(name: string): ReadyQuestion {
  const question = QUESTIONS.find((each) => each.name === name);
  if (question === undefined)
    throw new LibraryError(
      `there is no ready question "${name}"; there are ${QUESTIONS.map((each) => each.name).join(", ")}`,
    );
  return question;
}

/** The question's filter with values in the places of its parameters; throws a LibraryError where there are too few or too many. */
export function filterOf({ name, filter, parameters = [] }: ReadyQuestion, values: readonly string[]): string {
  if (values.length !== parameters.length) {
    const wanted = parameters.map(({ name: parameter, what }) => `${parameter.toUpperCase()} (${what})`).join(", ");
    throw new LibraryError(
      `${name} takes ${parameters.length === 0 ? "nothing more" : wanted}; ${values.length} more were given`,
    );
  }
  return parameters.reduce(
    (text, parameter, at) => text.replaceAll(`{${parameter.name}}`, () => quoted(values[at] ?? "")),
    filter,
  );
}

/** As a text of the filter language; stars keep what they stand for. */
function quoted(value: string): string {
  return `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

/** What can be asked of events: fields and their types, filters in AIP-160, and many predicates at once. */
export { EVENT_COLUMN, type Field, type FieldValue } from "./field.ts";
export { commandLineOf, FIELDS } from "./fields.ts";
export { mayHaveLower } from "./anycase.ts";
export { formsOf } from "./forms.ts";
export { requiredAny } from "./literals.ts";
export * from "./many/index.ts";
export { compileFilter, type Filter } from "./match.ts";
export { FUNCTION_NAMES } from "./functions.ts";
export { readNetwork } from "./network.ts";
export { RECORD_FIELDS, RECORD_FIELDS_BY_TYPE, recordShape, wholeShape } from "./records.ts";
export { refsOf } from "./refs.ts";
export { compileRegex, RegexError } from "./regex.ts";
export { FilterError } from "./error.ts";
export { DEPTH_MAX, FILTER_LENGTH_MAX, parseFilter, RESTRICTIONS_MAX } from "./parse.ts";
export type { SieveAnswers } from "./answers.ts";
export { type SieveKeys, tellSieve } from "./sieve.ts";
export { EVENT_CATEGORIES, EVENT_TYPES } from "./vocabulary.ts";
export { WORD_FIELDS } from "./words.ts";

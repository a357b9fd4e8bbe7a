/** What can be asked of events: fields and their types, filters in AIP-160, and many predicates at once. */
export { commandLineOf, EVENT_COLUMN, FIELDS, type Field, type FieldValue } from "./fields.ts";
export { mayHaveLower } from "./anycase.ts";
export { formsOf } from "./forms.ts";
export { requiredAny } from "./literals.ts";
export * from "./many/index.ts";
export { compileFilter, type Filter } from "./match.ts";
export { readNetwork } from "./network.ts";
export { RECORD_FIELDS, RECORD_FIELDS_BY_TYPE, recordShape, wholeShape } from "./records.ts";
export { refsOf } from "./refs.ts";
export { compileRegex, RegexError } from "./regex.ts";
export { FilterError, parseFilter } from "./parse.ts";
export { type SieveAnswers, type SieveKeys, tellSieve } from "./sieve.ts";
export { EVENT_CATEGORIES, EVENT_TYPES } from "./vocabulary.ts";

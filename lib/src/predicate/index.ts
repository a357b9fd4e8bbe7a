/** What can be asked of events: fields and their types, filters in AIP-160, and many predicates at once. */
export { commandLineOf, EVENT_COLUMN, FIELDS, type Field, type FieldValue } from "./fields.ts";
export { formsOf } from "./forms.ts";
export * from "./many/index.ts";
export { compileFilter, type Filter } from "./match.ts";
export { readNetwork } from "./network.ts";
export { FilterError, parseFilter } from "./parse.ts";
export { type SieveAnswers, type SieveKeys, tellSieve } from "./sieve.ts";
export { EVENT_CATEGORIES, EVENT_TYPES } from "./vocabulary.ts";

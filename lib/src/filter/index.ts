/** Filters over events: AIP-160 text, decided on the columns of blocks. */
export { compileFilter, type Filter } from "./match.ts";
export { FilterError, parseFilter } from "./parse.ts";
export { type SieveAnswers, type SieveKeys, tellSieve } from "./sieve.ts";
export { EVENT_CATEGORIES, EVENT_TYPES } from "./vocabulary.ts";

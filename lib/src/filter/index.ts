/** Filters over events: AIP-160 text, decided on the columns of blocks. */
export { compileFilter, type Filter, type Term, termsOf } from "./match.ts";
export { FilterError, parseFilter } from "./parse.ts";
export { EVENT_CATEGORIES, EVENT_TYPES } from "./vocabulary.ts";

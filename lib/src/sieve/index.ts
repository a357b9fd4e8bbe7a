/** The sieve: which stretches of a trail may have a value or a part of a text, told from few bytes and without looking. */
export { KEYS_EACH_MAX, SieveBuilder } from "./builder.ts";
export { buildSieve } from "./fuse.ts";
export { gramsAsked, gramsOf } from "./grams.ts";
export { TextHash } from "./hash.ts";
export { GROUPS_MAX } from "./keys.ts";
export { Sieve } from "./read.ts";

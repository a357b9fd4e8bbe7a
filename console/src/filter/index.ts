/** Filters: what they may go on with, and conditions put together. */
export { equals, narrowed } from "./compose.ts";
export { FilterInput } from "./input.tsx";

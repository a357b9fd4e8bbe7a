/** What differs of a host between two moments. */
export { ChangeGatherer } from "./changes.ts";
export { changedFacts, type MomentFacts } from "./facts.ts";
export { HabitGatherer } from "./habits.ts";

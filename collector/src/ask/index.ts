/** What questions about the past have in common, as requests say it. Shared by the steps that answer. */
export { budgetOf, nanosOf, orderOf, rangeOf, type TimeRange } from "./request.ts";
export { type HostFinder, type HostsAsked, HostSelection, type SelectArchive } from "./select.ts";
export { Turns } from "./turns.ts";

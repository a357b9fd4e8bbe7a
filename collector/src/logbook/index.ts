/** The transparency log as it can be read: what is published, and nothing beyond. Shared by the steps; knows no server. */
export { type LogFiles, LogReader, logIdOf, readFileAt } from "./reader.ts";
export { loggedHeads } from "./heads.ts";

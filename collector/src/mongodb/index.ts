/** MongoDB: the only place that knows its driver. Works on everything that speaks its wire protocol. */
export { applyDatabase, surveyDatabase } from "./administer.ts";
export { Archive } from "./archive.ts";
export type { MongoOptions } from "./connect.ts";
export { examineDatabase } from "./examine.ts";
export { dayRange } from "./history.ts";
export type { DatabaseLogin } from "./rights.ts";
export { databaseRightsText } from "./rightstext.ts";
export type { DatabaseFinding } from "./standing.ts";

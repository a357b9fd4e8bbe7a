/** MongoDB: the only place that knows its driver. Works on everything that speaks its wire protocol. */
export { Archive } from "./archive.ts";
export type { MongoOptions } from "./connect.ts";
export { examineDatabase } from "./examine.ts";
export { dayRange } from "./history.ts";

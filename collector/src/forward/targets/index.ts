/** Targets, as the configuration names them. */
export { FileStore } from "./files.ts";
export { StoredTarget } from "./stored.ts";

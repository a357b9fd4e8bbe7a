/** Targets, as the configuration names them. */
export { FileStore } from "./files.ts";
export { OtlpTarget } from "./otlp.ts";
export { readHeaders } from "./post.ts";
export { StoredTarget } from "./stored.ts";
export { SyslogTarget } from "./syslog.ts";

/** Numbers, names and texts as people read them. */
export { printable } from "@hosttrail/lib/text";
export { SEVERITIES, severityNamed, type SeverityName, severityOf } from "./severity.ts";
export { bytesText, counted, countText, shortId, wordOf } from "./words.ts";

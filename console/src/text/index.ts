/** Numbers and names as people read them. */
export { SEVERITIES, severityNamed, type SeverityName, severityOf } from "./severity.ts";
export { bytesText, counted, countText, shortId, wordOf } from "./words.ts";

/** Events as the page shows them. */
export { type EventRow, eventRow } from "./row.ts";
export { COLUMN_FIELDS, valuesOf } from "./value.ts";

/** Stored events as files of the formats that others read. */
import { Event } from "@hosttrail/proto/event";
import { ExportFormat } from "@hosttrail/proto/query";
import { cefEvent } from "../cef/index.ts";
import { ocsfEvent } from "../ocsf/index.ts";
import { columnsOf, FieldsError } from "./cells.ts";
import { csvWriter } from "./csv.ts";
import { ecsDocument } from "./ecs.ts";
import { type FileWriter, lines } from "./format.ts";
import { parquetWriter } from "./parquet.ts";

export { FieldsError } from "./cells.ts";
export type { FileWriter } from "./format.ts";

/**
 * What writes a file of the format; undefined for a format that there is not. `fields` are the columns of CSV and Parquet, by their ECS
 * names. Throws a FieldsError for fields that cannot be columns.
 */
export function fileWriter(format: ExportFormat, fields: readonly string[]): FileWriter | undefined {
  const isTable = format === ExportFormat.CSV || format === ExportFormat.PARQUET;
  if (!isTable && fields.length > 0)
    throw new FieldsError("fields are for CSV and Parquet; others have all of an event");
  switch (format) {
    case ExportFormat.JSON_LINES:
      return lines((event) => JSON.stringify(Event.toJSON(event)));
    case ExportFormat.ECS:
      return lines((event) => JSON.stringify(ecsDocument(event)));
    case ExportFormat.OCSF:
      return lines((event) => JSON.stringify(ocsfEvent(event)));
    case ExportFormat.CEF:
      return lines((event) => cefEvent(event));
    case ExportFormat.CSV:
      return csvWriter(columnsOf(fields));
    case ExportFormat.PARQUET:
      return parquetWriter(columnsOf(fields));
    default:
      return undefined;
  }
}

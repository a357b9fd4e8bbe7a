/** `hosttrail export`: events as a file. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { once } from "node:events";
import type { Writable } from "node:stream";
import {
  ExportEventsRequest,
  type ExportEventsResponse,
  ExportFormat,
  type QueryServiceClient,
} from "@hosttrail/proto/query";
import type { Budget } from "@hosttrail/proto/scan";
import { answers } from "../call.ts";
import type { Output } from "../output/index.ts";
import { lookedAt, type Scope, tellLack } from "../question/index.ts";
import { isNewestFirst } from "./events.ts";

const FORMATS: Readonly<Record<string, ExportFormat>> = {
  jsonl: ExportFormat.JSON_LINES,
  ecs: ExportFormat.ECS,
  ocsf: ExportFormat.OCSF,
  csv: ExportFormat.CSV,
  parquet: ExportFormat.PARQUET,
  cef: ExportFormat.CEF,
};

export const FORMAT_NAMES: readonly string[] = Object.keys(FORMATS);

export interface ExportOptions extends Scope {
  filter: string;
  budget: Budget | undefined;
  orderBy: string;
  /** 0 for all. */
  limit: number;
  fields: readonly string[];
}

/** Writes to `path`, which is there when it is whole; to standard output where it is "" or "-". */
export async function exportEvents(
  client: QueryServiceClient,
  { format, path, ...asked }: ExportOptions & { format: string; path: string },
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const request = ExportEventsRequest.fromPartial({
    ...asked,
    limit: BigInt(asked.limit),
    format: FORMATS[format] ?? ExportFormat.UNSPECIFIED,
    fields: [...asked.fields],
  });
  const isFile = path !== "" && path !== "-";
  if (!isFile && format === "parquet" && process.stdout.isTTY)
    throw new Error("a Parquet file is nothing for a terminal: give --output FILE");
  const partial = `${path}.part`;
  const target: Writable = isFile ? createWriteStream(partial) : process.stdout;
  try {
    const last = await write(answers<ExportEventsResponse>(client.exportEvents(request), signal), target, output);
    if (isFile) {
      target.end();
      await once(target, "close");
      if (signal.aborted) throw new Error("broken off");
      await rename(partial, path);
      output.note(`${last?.events ?? 0n} events in ${path}`);
    }
    const newestFirst = isNewestFirst(asked.orderBy);
    const limit = asked.limit === 0 ? undefined : asked.limit;
    if (!signal.aborted) tellLack(last?.completeness, output, { limit, newestFirst });
  } catch (error) {
    if (isFile) {
      target.destroy();
      await rm(partial, { force: true });
    }
    throw error;
  }
}

async function write(
  responses: AsyncGenerator<ExportEventsResponse>,
  target: Writable,
  output: Output,
): Promise<ExportEventsResponse | undefined> {
  const progress = output.progress();
  // What goes wrong with the file is thrown where it is written next.
  let failure: Error | undefined;
  target.once("error", (error) => {
    failure = error;
  });
  let last: ExportEventsResponse | undefined;
  for await (const response of responses) {
    last = response;
    if (response.completeness !== undefined) progress.tell(...lookedAt(response.completeness), response.events);
    if (failure !== undefined) throw failure;
    if (response.data.length > 0 && !target.write(response.data)) await once(target, "drain");
  }
  progress.clear();
  if (failure !== undefined) throw failure;
  return last;
}

/** `hosttrail query`: questions that somebody keeps under a name. */
import {
  type DeleteSavedQueryResponse,
  type ListSavedQueriesResponse,
  type QueryServiceClient,
  SavedQuery,
} from "@hosttrail/proto/query";
import { call } from "../call.ts";
import type { Output } from "../output/index.ts";
import { printable, timeOf } from "../text.ts";
import { durationText } from "../time.ts";
import { line } from "./line.ts";

const HEADER = ["NAME", "KIND", "QUESTION", "LAST", "AUTHOR", "CHANGED", "DESCRIPTION"];

function rowOf(query: SavedQuery): string[] {
  const { name, description, author, updateTime, sinceSeconds } = query;
  const last = sinceSeconds > 0n ? durationText(sinceSeconds) : "";
  return [name, query.question?.$case ?? "", questionOf(query), last, author, timeOf(updateTime), description].map(
    printable,
  );
}

function questionOf({ question }: SavedQuery): string {
  const groupBy = question?.$case === "aggregate" ? question.value.groupBy : [];
  const by = groupBy.length === 0 ? "" : ` by ${groupBy.join(", ")}`;
  return `${question?.value.filter || "(all events)"}${by}`;
}

export async function listQueries(client: QueryServiceClient, { json, print, table }: Output): Promise<void> {
  const rows = [HEADER];
  let pageToken = "";
  do {
    const page = await call<ListSavedQueriesResponse>((done) =>
      client.listSavedQueries({ pageSize: 1000, pageToken }, done),
    );
    for (const query of page.queries) {
      if (json) print(line(SavedQuery.toJSON(query)));
      rows.push(rowOf(query));
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  if (!json) print(table(rows));
}

export async function saveQuery(client: QueryServiceClient, query: SavedQuery, output: Output): Promise<void> {
  const saved = await call<SavedQuery>((done) => client.putSavedQuery({ query }, done));
  output.print(output.json ? line(SavedQuery.toJSON(saved)) : output.table([HEADER, rowOf(saved)]));
}

export async function savedQuery(client: QueryServiceClient, name: string): Promise<SavedQuery> {
  return await call<SavedQuery>((done) => client.getSavedQuery({ name }, done));
}

export async function deleteQuery(client: QueryServiceClient, name: string): Promise<void> {
  await call<DeleteSavedQueryResponse>((done) => client.deleteSavedQuery({ name }, done));
}

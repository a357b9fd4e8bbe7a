/** Questions to a collector by its API, each with what it took. */
import type { ServiceError } from "@grpc/grpc-js";
import {
  AggregateEventsRequest,
  type AggregateEventsResponse,
  type AnalysisServiceClient,
  GetProcessTreeRequest,
  GetTimelineRequest,
  type ProcessTree,
  type Timeline,
} from "@hosttrail/proto/analysis";
import { type QueryServiceClient, StreamSearchRequest, type StreamSearchResponse } from "@hosttrail/proto/query";
import type { Completeness } from "@hosttrail/proto/scan";
import type { Event } from "@hosttrail/proto/event";
import type { DeepPartial } from "@hosttrail/proto/query";

/** What came back: how many things, and of how complete a look. */
export interface Answer {
  found: number;
  completeness: Completeness | undefined;
}

export interface Clients {
  query: QueryServiceClient;
  analysis: AnalysisServiceClient;
}

/** All events of a search, handed over as they come. */
export async function search(
  { query }: Clients,
  request: DeepPartial<StreamSearchRequest>,
  take: (events: Event[]) => void = () => undefined,
): Promise<Answer> {
  const answer: Answer = { found: 0, completeness: undefined };
  const stream = query.streamSearch(StreamSearchRequest.fromPartial(request));
  for await (const each of stream) {
    const { events, completeness } = each as StreamSearchResponse;
    answer.found += events.length;
    answer.completeness = completeness ?? answer.completeness;
    take(events);
  }
  return answer;
}

export async function aggregate(
  { analysis }: Clients,
  request: DeepPartial<AggregateEventsRequest>,
): Promise<Answer & { response: AggregateEventsResponse }> {
  let last: AggregateEventsResponse | undefined;
  const stream = analysis.aggregateEvents(AggregateEventsRequest.fromPartial(request));
  for await (const each of stream) last = each as AggregateEventsResponse;
  if (last === undefined) throw new Error("nothing was answered");
  return { found: last.groups.length, completeness: last.completeness, response: last };
}

export async function timeline({ analysis }: Clients, request: DeepPartial<GetTimelineRequest>): Promise<Answer> {
  const { entries, completeness } = await unary<Timeline>((done) =>
    analysis.getTimeline(GetTimelineRequest.fromPartial(request), done),
  );
  return { found: entries.length, completeness };
}

export async function tree({ analysis }: Clients, request: DeepPartial<GetProcessTreeRequest>): Promise<Answer> {
  const { nodes, completeness } = await unary<ProcessTree>((done) =>
    analysis.getProcessTree(GetProcessTreeRequest.fromPartial(request), done),
  );
  return { found: nodes.length, completeness };
}

function unary<Response>(
  ask: (done: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    ask((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

/** A client of the API of what many events say together, as promises. */
import type { ServiceError } from "@grpc/grpc-js";
import {
  AggregateEventsRequest,
  type AggregateEventsResponse,
  AnalysisServiceClient,
  DiffHostRequest,
  GetHostAtRequest,
  GetProcessTreeRequest,
  GetTimelineRequest,
  type HostAt,
  type HostDiff,
  type ProcessTree,
  type Timeline,
} from "@hosttrail/proto/analysis";
import type { Identity, Stack } from "@hosttrail/stack";
import { ask } from "./alerting.ts";
import { credentialsOf } from "./environment.ts";

export class AnalysisClient {
  readonly #client: AnalysisServiceClient;

  constructor(stack: Stack, identity: Identity = stack.user) {
    this.#client = new AnalysisServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, identity), {
      "grpc.max_receive_message_length": 256 * 1024 * 1024,
    });
  }

  tree(request: Parameters<typeof GetProcessTreeRequest.fromPartial>[0]): Promise<ProcessTree> {
    return ask((done) => this.#client.getProcessTree(GetProcessTreeRequest.fromPartial(request), done));
  }

  timeline(request: Parameters<typeof GetTimelineRequest.fromPartial>[0]): Promise<Timeline> {
    return ask((done) => this.#client.getTimeline(GetTimelineRequest.fromPartial(request), done));
  }

  hostAt(request: Parameters<typeof GetHostAtRequest.fromPartial>[0]): Promise<HostAt> {
    return ask((done) => this.#client.getHostAt(GetHostAtRequest.fromPartial(request), done));
  }

  diff(request: Parameters<typeof DiffHostRequest.fromPartial>[0]): Promise<HostDiff> {
    return ask((done) => this.#client.diffHost(DiffHostRequest.fromPartial(request), done));
  }

  /** All answers, the last one last. */
  aggregate(request: Parameters<typeof AggregateEventsRequest.fromPartial>[0]): Promise<AggregateEventsResponse[]> {
    return new Promise((resolve, reject) => {
      const answers: AggregateEventsResponse[] = [];
      const call = this.#client.aggregateEvents(AggregateEventsRequest.fromPartial(request));
      call.on("data", (answer: AggregateEventsResponse) => answers.push(answer));
      call.on("error", (error: ServiceError) => reject(error));
      call.on("end", () => resolve(answers));
    });
  }

  close(): void {
    this.#client.close();
  }
}

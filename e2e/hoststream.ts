/** An agent's stream by hand, for tests of what agents never do. */
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { IngestServiceClient, type StreamRequest, type StreamResponse } from "@hosttrail/proto/ingest";
import type { Identity, Stack } from "@hosttrail/stack";
import { credentialsOf, eventually } from "./environment.ts";

type Answer = NonNullable<StreamResponse["message"]>;
type ValueOf<Case extends Answer["$case"]> = Extract<Answer, { $case: Case }>["value"];

export class HostStream {
  readonly responses: Answer[] = [];
  error: ServiceError | undefined;
  /** Told of each answer as it comes. */
  onAnswer: (answer: Answer) => void = () => undefined;
  /** Another stream on the same connection. */
  readonly again: () => HostStream;
  readonly #client: IngestServiceClient;
  readonly #stream: ClientDuplexStream<StreamRequest, StreamResponse>;

  /** Opens a stream to a stack's collector, or to another one of its collectors by port. */
  constructor(stack: Stack, identity: Identity, port: number = stack.ingestPort, client?: IngestServiceClient) {
    this.#client =
      client ??
      new IngestServiceClient(`localhost:${port}`, credentialsOf(stack, identity), {
        "grpc.max_send_message_length": 64 * 1024 * 1024,
      });
    this.again = () => new HostStream(stack, identity, port, this.#client);
    this.#stream = this.#client.stream();
    this.#stream.on("data", ({ message }: StreamResponse) => {
      if (message === undefined) return;
      this.responses.push(message);
      this.onAnswer(message);
    });
    this.#stream.on("error", (error: ServiceError) => {
      this.error = error;
    });
  }

  /** `clockMs` is what the host says of its clock; it says nothing by default. */
  hello(hostId: string, bootId = "b", clockMs?: number): void {
    const clockTime = clockMs === undefined ? undefined : { seconds: BigInt(Math.floor(clockMs / 1000)), nanos: 0 };
    const value = { hostId, hostName: "by hand", agentVersion: "0", bootId, epoch: 1n, clockTime };
    this.#stream.write({ message: { $case: "hello", value } });
  }

  /** False where more should wait for `drained`. */
  block(value: Uint8Array): boolean {
    return this.#stream.write({ message: { $case: "block", value } });
  }

  linked(value: Uint8Array): void {
    this.#stream.write({ message: { $case: "linkedBlock", value } });
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#stream.writableNeedDrain || this.error !== undefined) resolve();
      else for (const event of ["drain", "error", "close"]) this.#stream.once(event, () => resolve());
    });
  }

  /** Waits for an answer of a kind. */
  answer<Case extends Answer["$case"]>(wanted: Case): Promise<ValueOf<Case>> {
    return eventually<ValueOf<Case>>(`the answer "${wanted}"`, 10_000, async () => {
      const at = this.responses.findIndex((response) => response.$case === wanted);
      if (at < 0) {
        if (this.error !== undefined) throw this.error;
        return undefined;
      }
      return this.responses.splice(at, 1)[0]?.value as ValueOf<Case>;
    });
  }

  /** Waits for the stream's error. */
  failure(): Promise<ServiceError> {
    return eventually("the stream's end", 10_000, async () => this.error);
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }
}

/** Calls as promises, and streams as they are read. */
import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";

type Done<Response> = (error: ServiceError | null, response: Response) => void;

/** Makes a call that has one answer: `call((done) => client.getHost(request, done))`. */
export function call<Response>(start: (done: Done<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

/**
 * The answers of a call that has many, one after the other: the next one is taken from the server when the one before was used. The signal
 * ends the call on the server, and then what is read here ends, too.
 */
export async function* answers<Response>(
  stream: ClientReadableStream<Response>,
  signal: AbortSignal,
): AsyncGenerator<Response> {
  const cancel = (): void => stream.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for await (const response of stream) yield response as Response;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
    // Who leaves off reading wants no more of it.
    stream.cancel();
  }
}

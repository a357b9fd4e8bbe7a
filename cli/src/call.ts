/** Calls as promises. */
import type { ServiceError } from "@grpc/grpc-js";

type Done<Response> = (error: ServiceError | null, response: Response) => void;

/** Makes a call that has one answer: `call((done) => client.getHost(request, done))`. */
export function call<Response>(start: (done: Done<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

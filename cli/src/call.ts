/** Calls as promises. */
import type { ClientUnaryCall, ServiceError } from "@grpc/grpc-js";

type Done<Response> = (error: ServiceError | null, response: Response) => void;

/** Makes a unary call: `call((done) => client.getHost(request, done))`. */
export function call<Response>(start: (done: Done<Response>) => ClientUnaryCall): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

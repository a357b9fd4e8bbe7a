/** The methods of the API, as a call by JSON needs them: who handles it, and how its messages are read and written. */
import { Buffer } from "node:buffer";
import type { MethodDefinition, UntypedHandleCall } from "@grpc/grpc-js";
import type { DescMethod } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { type Service, serviceError } from "../../serve/index.ts";
import { jsonOf, readServices, wireOf } from "./messages.ts";
import { shapeOf } from "./shapes.ts";

export interface Method {
  /** `/package.Service/Method`. */
  path: string;
  /** It comes in several messages. */
  hasParts: boolean;
  /** It is answered by several messages. */
  hasLines: boolean;
  handle: UntypedHandleCall;
  /** A request as services get it. Throws a ServiceError that names the field. */
  request(json: unknown): unknown;
  /** What a service answers, as JSON. */
  response(message: unknown): unknown;
}

type Definition = MethodDefinition<unknown, unknown>;

const MESSAGE_LENGTH_MAX = 512;

/** All methods of these services, by their paths. Throws where one is neither here nor there. */
export function methodsOf(services: readonly Service[]): Map<string, Method> {
  const find = readServices();
  const methods = new Map<string, Method>();
  for (const { name, definition, implementation } of services) {
    const described = find(name);
    for (const [key, method] of Object.entries(definition)) {
      const handle = implementation[key];
      const about = described?.methods.find((each) => method.path.endsWith(`/${each.name}`));
      if (handle === undefined || about === undefined) throw new Error(`${method.path} is not there`);
      methods.set(method.path, methodOf(method as Definition, about, handle));
    }
  }
  return methods;
}

function methodOf(definition: Definition, { input, output }: DescMethod, handle: UntypedHandleCall): Method {
  const toJson = shapeOf(output);
  return {
    path: definition.path,
    hasParts: definition.requestStream,
    hasLines: definition.responseStream,
    handle,
    // Through the wire form: nothing gets to a service that gRPC could not bring.
    request: (json) => definition.requestDeserialize(Buffer.from(checkedWire(() => wireOf(input, json)))),
    response: (message) => {
      try {
        return toJson(message);
      } catch {
        // What a newer collector of this cluster has put into the database, say: shown by its number, as gRPC would.
        return jsonOf(output, definition.responseSerialize(message));
      }
    },
  };
}

function checkedWire(read: () => Uint8Array): Uint8Array {
  try {
    return read();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw serviceError(status.INVALID_ARGUMENT, "MESSAGE_INVALID", message.slice(0, MESSAGE_LENGTH_MAX));
  }
}

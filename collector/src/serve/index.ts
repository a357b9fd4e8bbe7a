/** A gRPC server with mutual TLS, health and reflection. */
import { readFileSync } from "node:fs";
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { BLOCK_BYTES_MAX } from "@hosttrail/lib/block";
import { HealthImplementation, protoPath as healthProto } from "grpc-health-check";

export { type Peer, PeerError, peerOf } from "./peer.ts";
export { serviceError } from "./error.ts";

export interface ServeOptions {
  /** `host:port` to listen on. */
  listen: string;
  ca: string;
  certificate: string;
  key: string;
}

export interface RunningServer {
  /** The port that was given. */
  port: number;
  setServing(serving: boolean): void;
  /** Stops taking calls, lets the running ones end until the deadline, then cuts them. */
  stop(deadlineMs: number): Promise<void>;
}

/** The services, with health and reflection beside them. */
export async function serve(
  options: ServeOptions,
  name: string,
  definition: ServiceDefinition,
  implementation: UntypedServiceImplementation,
): Promise<RunningServer> {
  const server = new Server({
    "grpc.max_receive_message_length": BLOCK_BYTES_MAX + 4096,
    "grpc.max_concurrent_streams": 256,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
  });
  server.addService(definition, implementation);
  const health = new HealthImplementation({ "": "SERVING", [name]: "SERVING" });
  health.addToServer(server);
  const descriptors = readFileSync(new URL(import.meta.resolve("@hosttrail/proto/descriptors.binpb")));
  const described = { ...loadFileDescriptorSetFromBuffer(descriptors), ...loadSync(healthProto) };
  new ReflectionService(described, { services: [name, "grpc.health.v1.Health"] }).addToServer(server);
  const credentials = ServerCredentials.createSsl(
    Buffer.from(options.ca),
    [{ cert_chain: Buffer.from(options.certificate), private_key: Buffer.from(options.key) }],
    true,
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(options.listen, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    port,
    setServing(serving) {
      for (const service of ["", name]) health.setStatus(service, serving ? "SERVING" : "NOT_SERVING");
    },
    stop: (deadlineMs) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, deadlineMs);
        server.tryShutdown(() => {
          clearTimeout(cut);
          resolve();
        });
      }),
  };
}

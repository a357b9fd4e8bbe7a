/** A gRPC server behind our own TLS door, with health and reflection. */
import { readFileSync } from "node:fs";
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { BLOCK_BYTES_MAX } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";
import { HealthImplementation, protoPath as healthProto } from "grpc-health-check";
import { descriptorsOf } from "./descriptors.ts";
import { type ListenOptions, listenTls } from "./listener.ts";

export { type ListenOptions, listenTls } from "./listener.ts";
export { serverCertificateProblems } from "./certificate.ts";
export { type Peer, PeerError, peerOf, userOf } from "./peer.ts";
export { asServiceError, serviceError } from "./error.ts";
export { type Answers, Gate, type Gathering, type Visit } from "./gate.ts";
export { checkText, invalidField, millisecondsOf, pageSizeOf, timestampOf } from "./request.ts";
export { PageTokens } from "./pagetokens.ts";
export { Sink } from "./sink.ts";
export { decodeToken, encodeToken, requestFingerprint, TokenError } from "./token.ts";

export interface Service {
  /** Full name, as in the proto. */
  name: string;
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
}

export interface RunningServer {
  /** The port that was given. */
  port: number;
  /** Says that it does not serve, and takes no new connections; calls go on. */
  shut(): void;
  /** Stops taking calls, lets the running ones end until the deadline, then cuts them. */
  stop(deadlineMs: number): Promise<void>;
}

export interface ServeOptions extends ListenOptions {
  /** Bytes of one request, at most. */
  messageBytesMax: number;
  /** Milliseconds after which clients are asked to open another connection, more or less a tenth; running calls go on. 0 for never. */
  connectionAgeMs: number;
}

/** Bytes of a request that is no block. */
export const REQUEST_BYTES_MAX: number = 64 * 1024;
/** Bytes of a message that may be a block. */
export const BLOCK_MESSAGE_BYTES_MAX: number = BLOCK_BYTES_MAX + 4096;

/**
 * One definition of those that carry the same files. Each carries all files of its set, and reflection reads the files of each definition, which
 * for some hundred of them is 200 MB of garbage.
 */
function onceEach(described: PackageDefinition): PackageDefinition {
  const files = new Set<unknown>();
  const entries = Object.entries(described).filter(([, { fileDescriptorProtos }]) => {
    if (files.has(fileDescriptorProtos)) return false;
    files.add(fileDescriptorProtos);
    return true;
  });
  return Object.fromEntries(entries);
}

/** The services, with health and reflection beside them. */
export async function serve(
  options: ServeOptions,
  services: readonly Service[],
  logger: Logger,
): Promise<RunningServer> {
  const server = new Server({
    "grpc.max_receive_message_length": options.messageBytesMax,
    "grpc.max_concurrent_streams": 256,
    "grpc.max_metadata_size": 16 * 1024,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    ...(options.connectionAgeMs === 0 ? {} : { "grpc.max_connection_age_ms": options.connectionAgeMs }),
  });
  const names = services.map(({ name }) => name);
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const health = new HealthImplementation(Object.fromEntries(["", ...names].map((name) => [name, "SERVING"])));
  health.addToServer(server);
  const descriptors = readFileSync(new URL(import.meta.resolve("@hosttrail/proto/descriptors.binpb")));
  const ours = loadFileDescriptorSetFromBuffer(Buffer.from(descriptorsOf(descriptors, names)));
  const described = { ...ours, ...loadSync(healthProto) };
  new ReflectionService(onceEach(described), { services: [...names, "grpc.health.v1.Health"] }).addToServer(server);
  // TLS is done when a connection comes here, so gRPC itself needs no credentials.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = await listenTls(options, logger, (socket) => injector.injectConnection(socket));
  return {
    port: listener.port,
    shut() {
      for (const service of ["", ...names]) health.setStatus(service, "NOT_SERVING");
      listener.close();
    },
    stop: (deadlineMs) =>
      new Promise((resolve) => {
        listener.close();
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

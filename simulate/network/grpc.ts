/** Stands in for @grpc/grpc-js where the agent ships: its credentials are handed to the simulated network as they are. */
export * from "@grpc/grpc-js";

interface SimulatedCredentials {
  certificate: Buffer;
}

export const credentials: { createSsl(ca: Buffer, key: Buffer, certificate: Buffer): SimulatedCredentials } = {
  createSsl: (_ca, _key, certificate) => ({ certificate }),
};

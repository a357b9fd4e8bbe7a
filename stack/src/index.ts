/** The real parts, started on this machine: for ./dev up, the end-to-end tests and the benchmarks. */
export { DevelopmentCa, type Identity, signingRequest } from "./certificates.ts";
export { Child, endLeftovers } from "./child.ts";
export { packagedAgent, packagedCollector } from "./package.ts";
export { freePort, waitForPort } from "./ports.ts";
export { mongodbService, type NatsNode, natsService, prepareServices, type Say, type Service } from "./services.ts";
export { Stack, type StackOptions } from "./stack.ts";

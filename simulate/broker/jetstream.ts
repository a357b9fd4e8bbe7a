/** Stands in for @nats-io/jetstream: the same, but for those who ask a server. */
export * from "@nats-io/jetstream";
export { jetstream, jetstreamManager } from "./client.ts";

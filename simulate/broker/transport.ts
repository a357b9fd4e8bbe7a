/** Stands in for @nats-io/transport-node: the same, but for the connection. */
export * from "@nats-io/transport-node";
export { connect, createInbox } from "./client.ts";

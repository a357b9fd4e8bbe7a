/** A collector that starts long before its database. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type ServiceError, status } from "@grpc/grpc-js";
import { eventually, openStack, queryClient, search } from "./environment.ts";

it("a collector works as soon as its database comes, however late", async () => {
  await using stack = await openStack({ collector: { roles: ["query"] } });
  await stack.nats.start();
  stack.collector.start();
  const client = queryClient(stack);
  const codeOf = (): Promise<status> =>
    search(client, { pageSize: 1 }).then(
      () => status.OK,
      (error: ServiceError) => error.code,
    );
  try {
    // The driver gives a server five seconds; the database comes after twice as long.
    const begun = performance.now();
    await eventually("a database that is missed for ten seconds", 60_000, async () => {
      assert.equal(await codeOf(), status.UNAVAILABLE);
      return performance.now() - begun > 10_000 || undefined;
    });
    await stack.mongodb.start();
    await eventually("an answer", 30_000, async () => (await codeOf()) === status.OK || undefined);
  } finally {
    client.close();
  }
});

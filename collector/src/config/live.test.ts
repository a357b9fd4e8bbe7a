import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "@hosttrail/lib/config";
import { type CollectorConfig, changeOf, collectorSchema } from "./index.ts";

const TLS = "tls: { ca_file: /ca, certificate_file: /crt, key_file: /key }\n";
const read = (text: string): CollectorConfig =>
  parseConfig<CollectorConfig>(TLS + text, "collector.yaml", collectorSchema);

describe("a configuration that changes while the collector runs", () => {
  it("is the old one where nothing changed", () => {
    const running = read("log_level: warn");
    assert.deepEqual(changeOf(running, read("log_level: warn")), { config: running, applied: [], waiting: [] });
  });

  it("takes what may change, and names what waits for a restart", () => {
    const wanted = read(`
log_level: debug
ingest: { credit: 7, listen: "0.0.0.0:1", quota: { blocks_per_second: 3, streams_max: 9 } }
access: { bindings: [{ subject: "certificate:eve", role: viewer, scope: { team: a } }], oidc: { issuer: "https://id.example.org" } }
nats: { servers: ["nats://other:4222"] }
roles: [ingest]
`);
    const running = read("");
    const { config, applied, waiting } = changeOf(running, wanted);
    assert.deepEqual(applied.toSorted(), [
      "access.bindings",
      "ingest.credit",
      "ingest.quota.blocks_per_second",
      "ingest.quota.streams_max",
      "log_level",
    ]);
    assert.deepEqual(waiting.toSorted(), ["access.oidc.issuer", "ingest.listen", "nats.servers", "roles"]);
    assert.equal(config.ingest.credit, 7);
    assert.equal(config.ingest.quota.blocksPerSecond, 3);
    assert.deepEqual(config.access.bindings, wanted.access.bindings);
    assert.equal(config.ingest.listen, running.ingest.listen);
    assert.deepEqual(config.nats, running.nats);
    // What waits is named again until the restart, and what was taken is not.
    const again = changeOf(config, wanted);
    assert.deepEqual([again.applied, again.waiting.toSorted()], [[], waiting.toSorted()]);
  });

  it("has keys of the user's own, which may come and go", () => {
    const scoped = (scope: string): CollectorConfig =>
      read(`enroll: { aws: { labels: { ${scope} } } }\nnotify: { routes: [] }`);
    const { config, waiting } = changeOf(scoped("a: x, b: y"), scoped("b: z, c: w"));
    assert.deepEqual(waiting.toSorted(), ["enroll.aws.labels.a", "enroll.aws.labels.b", "enroll.aws.labels.c"]);
    assert.deepEqual(config.enroll.aws.labels, { a: "x", b: "y" });
  });
});

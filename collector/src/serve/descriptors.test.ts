import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { descriptorsOf } from "./descriptors.ts";

const ALL = readFileSync(new URL(import.meta.resolve("@hosttrail/proto/descriptors.binpb")));
const INGEST = "hosttrail.v1.IngestService";

describe("descriptors of a server's services", () => {
  it("are their files and what these import, and no others", () => {
    const described = loadFileDescriptorSetFromBuffer(Buffer.from(descriptorsOf(ALL, [INGEST])));
    assert.deepEqual(
      Object.keys(described).filter((name) => name.endsWith("Service")),
      [INGEST],
    );
    // The same messages as among all of them.
    const all = loadFileDescriptorSetFromBuffer(ALL);
    for (const [name, definition] of Object.entries(described))
      if ("type" in definition) assert.deepEqual(definition.type, (all[name] as typeof definition).type);
  });

  it("are all files that several services are made of, each once", () => {
    const services = Object.keys(loadFileDescriptorSetFromBuffer(ALL)).filter((name) => name.endsWith("Service"));
    assert.ok(services.length > 10);
    const some = descriptorsOf(ALL, [...services, ...services]);
    const described = loadFileDescriptorSetFromBuffer(Buffer.from(some));
    for (const service of services) assert.ok(service in described, service);
    assert.ok(some.length <= ALL.length);
  });

  it("are none where a service is in no file", () => {
    assert.throws(() => descriptorsOf(ALL, ["hosttrail.v1.NoService"]), /hosttrail\.v1\.NoService is in no file/);
  });
});

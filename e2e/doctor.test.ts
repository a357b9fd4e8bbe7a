/** `hosttrail-collector doctor`: beside a stack that is well, and with one thing after the other not. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parse, stringify } from "yaml";
import { eventually, openStack } from "./environment.ts";

const COLLECTOR = new URL("../collector/src/main.ts", import.meta.url).pathname;

interface Result {
  status: number | null;
  output: string;
}

describe("hosttrail-collector doctor", { timeout: 240_000 }, () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let own: Record<string, unknown>;
  let file: string;

  before(async () => {
    stack = await openStack();
    await stack.startServices();
    const folder = dirname(stack.profileFile);
    own = parse(readFileSync(join(folder, "collector.yaml"), "utf8")) as Record<string, unknown>;
    file = join(folder, "doctor.yaml");
  });
  after(() => stack[Symbol.asyncDispose]());

  /** With the stack's configuration, these sections being others. */
  function doctor(changes: Record<string, unknown> = {}): Result {
    writeFileSync(file, stringify({ ...own, ...changes }), { mode: 0o600 });
    const { status, stdout, stderr } = spawnSync(process.execPath, [COLLECTOR, "doctor", "--config", file], {
      encoding: "utf8",
      timeout: 60_000,
    });
    return { status, output: `${stdout}${stderr}` };
  }

  const linesOf = ({ output }: Result, level: string): string[] =>
    output
      .split("\n")
      .filter((line) => line.startsWith(level.padEnd(9)))
      .map((line) => line.slice(9));

  it("finds nothing that must be repaired before the first start, and says what is not there yet", () => {
    const result = doctor();
    assert.equal(result.status, 1, result.output);
    assert.deepEqual(linesOf(result, "failed"), []);
    assert.ok(
      linesOf(result, "warning").some((line) => line.endsWith("(hosttrail-collector nats apply)")),
      result.output,
    );
    assert.ok(linesOf(result, "ok").some((line) => line.startsWith("ingest.listen: ")));
  });

  it("finds ports, streams and database of a collector that runs", async () => {
    await stack.startCollector();
    const result = await eventually("a collector that answers", 20_000, async () => {
      const now = doctor();
      return now.output.includes("the running collector listens") ? now : undefined;
    });
    assert.deepEqual(linesOf(result, "failed"), [], result.output);
    for (const said of [
      /is right$/m,
      /files that it names are there/,
      /tls\.certificate_file: .* is valid until \d{4}-.*callers may ask for localhost/,
      /ca\.certificate_file: .* it lets hosts in/,
      /query\.listen: the running collector listens/,
      /^ok {7}nats-server \d/m,
      /: as planned/,
      /a document was written \(majority, journal\), read and removed/,
      /this clock and that of NATS agree/,
      /this clock and that of the database agree/,
    ])
      assert.match(result.output, said);
  });

  it("names keys of a configuration that is wrong", () => {
    const result = doctor({ connections: { max: 1 }, metric: {} });
    assert.equal(result.status, 2);
    assert.match(result.output, /^failed {3}.*connections\.max is 1/m);
    assert.match(result.output, /^failed {3}.*unknown key "metric"/m);
    assert.equal(spawnSync(process.execPath, [COLLECTOR, "doctor", "--config", "/none.yaml"]).status, 2);
  });

  it("finds secrets that others can read, a key of another certificate, and one that ends soon", async () => {
    const soon = await stack.ca.server("soon", { notBefore: -1000, notAfter: 86_400_000 });
    const other = await stack.ca.server("other");
    const ca = join(stack.authority, "trust.crt");
    const tls = (certificate: string, key: string) => ({
      tls: { ca_file: ca, certificate_file: certificate, key_file: key },
    });
    assert.match(
      doctor(tls(soon.certificateFile, soon.keyFile)).output,
      /^warning {2}.*valid only until .*\(0 days\)/m,
    );
    const mixed = doctor(tls(soon.certificateFile, other.keyFile));
    assert.equal(mixed.status, 2);
    assert.match(mixed.output, /^failed {3}tls\.key_file: .* is not the key of/m);
    chmodSync(other.keyFile, 0o644);
    assert.match(
      doctor(tls(other.certificateFile, other.keyFile)).output,
      /^failed {3}tls\.key_file: .* has mode 0644; allowed are 0600 and 0400/m,
    );
    const over = await stack.ca.server("over", { notBefore: -86_400_000, notAfter: -1000 });
    assert.match(doctor(tls(over.certificateFile, over.keyFile)).output, /^failed {3}.*has expired/m);
    const host = await stack.ca.host("9".repeat(32), "nohost");
    assert.match(doctor(tls(host.certificateFile, host.keyFile)).output, /^failed {3}.*is not for servers/m);
    const garbage = join(dirname(file), "garbage.pem");
    writeFileSync(garbage, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert.match(
      doctor(tls(garbage, host.keyFile)).output,
      /^failed {3}tls\.certificate_file: .*cannot be read as PEM/m,
    );
    for (const each of [soon, other, over, host]) for (const path of Object.values(each)) rmSync(path as string);
  });

  it("tells who cannot be reached, and tells no password", () => {
    const result = doctor({
      nats: { servers: ["nats://someone:hunter2@127.0.0.1:1"] },
      mongodb: { url: "mongodb://someone:hunter3@127.0.0.1:1/?serverSelectionTimeoutMS=500" },
    });
    assert.equal(result.status, 2);
    assert.match(result.output, /^failed {3}NATS cannot be reached: /m);
    assert.match(result.output, /^failed {3}the database cannot be reached: /m);
    assert.doesNotMatch(result.output, /hunter/);
  });
});

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadCollectorConfig } from "./index.ts";

const TLS = "tls: { ca_file: /ca, certificate_file: /crt, key_file: /key }\n";

function withFile(text: string, mode: number, run: (file: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-config-"));
  try {
    const file = join(folder, "collector.yaml");
    writeFileSync(file, TLS + text);
    chmodSync(file, mode);
    run(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("collector.yaml", () => {
  for (const [name, text] of [
    ["mongodb.url", "mongodb: { url: 'mongodb+srv://user:secret@db.example.org/x' }"],
    ["nats.servers", "nats: { servers: ['nats://a:4222', 'nats://user:secret@b:4222'] }"],
  ] as const) {
    it(`with a password in ${name} must be its owner's alone, and the error does not tell the password`, () => {
      withFile(text, 0o600, (file) => loadCollectorConfig(file));
      withFile(text, 0o640, (file) =>
        assert.throws(
          () => loadCollectorConfig(file),
          (error: Error) => error.message.includes(`${name} has a password in it`) && !error.message.includes("secret"),
        ),
      );
    });
  }

  it("without a password may be read by others, and keys of a scope are the user's own", () => {
    const text = "access: { bindings: [{ subject: 'oidc-group:sec_ops', role: viewer, scope: { team_name: a } }] }";
    withFile(text, 0o644, (file) => {
      assert.deepEqual(loadCollectorConfig(file).access.bindings[0]?.scope, { team_name: "a" });
    });
  });

  it("names what is wrong with a binding, and what is allowed", () => {
    withFile("access: { bindings: [{ subject: dev, role: root }] }", 0o600, (file) => {
      assert.throws(
        () => loadCollectorConfig(file),
        /access\.bindings\.0\.role is "root"; allowed are viewer, responder, admin/,
      );
      assert.throws(() => loadCollectorConfig(file), /access\.bindings\.0\.subject is "dev"/);
    });
  });
});

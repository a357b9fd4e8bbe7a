import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type CollectorConfig, loadCollectorConfig } from "./index.ts";

function load(text: string): CollectorConfig {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-console-config-"));
  try {
    const file = join(folder, "collector.yaml");
    writeFileSync(file, `tls: { ca_file: /ca, certificate_file: /crt, key_file: /key }\n${text}`, { mode: 0o600 });
    return loadCollectorConfig(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const ISSUER = "access: { oidc: { issuer: 'https://id.example.org', audience: x } }\n";
const URL_SET = "public_url: 'https://hosttrail.example.org'";

describe("the section console", () => {
  it("is nowhere by default, ends sessions after 30 minutes and 12 hours, and knows its role", () => {
    const { listen, sessionIdleMinutes, sessionMaxMinutes } = load("roles: [console]").console;
    assert.deepEqual([listen, sessionIdleMinutes, sessionMaxMinutes], ["", 30, 720]);
  });

  it("takes a provider with its issuer and with its own URL, and says which of them is missing", () => {
    const { oidc } = load(`${ISSUER}console: { ${URL_SET}, oidc: { client_id: web } }`).console;
    assert.deepEqual(oidc, { clientId: "web", clientSecretFile: "", scope: "openid", displayName: "" });
    assert.throws(() => load(`console: { ${URL_SET}, oidc: { client_id: web } }`), /access\.oidc\.issuer must be set/);
    assert.throws(() => load(`${ISSUER}console: { oidc: { client_id: web } }`), /console\.public_url must be set/);
    assert.throws(
      () => load("console: { oidc: { client_secret_file: /secret } }"),
      /console\.oidc\.client_id must be set/,
    );
  });

  it("sends no client secret in plain text to another machine", () => {
    const text = (host: string) =>
      `access: { oidc: { issuer: 'http://${host}', audience: x } }\nconsole: { ${URL_SET}, oidc: { client_id: web } }`;
    assert.throws(() => load(text("id.example.org")), /allowed is https:\/\//);
    assert.equal(load(text("127.0.0.1:9000")).console.oidc.clientId, "web");
  });

  for (const url of [
    "http://hosttrail.example.org",
    "https://hosttrail.example.org/console",
    "https://a@b",
    "https://",
  ])
    it(`refuses the URL ${url}`, () => {
      assert.throws(() => load(`console: { public_url: '${url}' }`), /console\.public_url is/);
    });

  it("refuses a scope without openid", () => {
    assert.throws(() => load("console: { oidc: { scope: 'email' } }"), /console\.oidc\.scope is/);
  });
});

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConfigError } from "@hosttrail/lib/config";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { agentConfig } from "../render/index.ts";
import { fleetOfHost, fleetSchema, loadFleet } from "./index.ts";

const EXAMPLES = new URL("../../examples", import.meta.url).pathname;
const SUM = "a".repeat(64);

type Tree = Record<string, unknown>;

describe("a fleet spec", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "hosttrail-spec-"));
    mkdirSync(join(folder, "rules"));
    for (const file of ["ca.pem", "rules/payments.rules"])
      writeFileSync(join(folder, file), readFileSync(join(EXAMPLES, file)));
    writeFileSync(join(folder, "key.pem"), "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n");
    writeFileSync(join(folder, "empty.pem"), "");
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The example with one value changed; undefined takes it away. */
  function changed(path: string, value: unknown): string {
    const spec = parse(readFileSync(join(EXAMPLES, "fleet.yaml"), "utf8")) as Tree;
    const keys = path.split(".");
    let at = spec;
    for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Tree;
    if (value === undefined) delete at[keys.at(-1) ?? ""];
    else at[keys.at(-1) ?? ""] = value;
    const file = join(folder, "fleet.yaml");
    writeFileSync(file, stringify(spec));
    return file;
  }

  function problems(file: string): string {
    try {
      loadFleet(file);
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      return error.message;
    }
    return "";
  }

  it("of the examples is right, and gives a configuration that the agent takes", () => {
    const fleet = loadFleet(join(EXAMPLES, "fleet.yaml"));
    assert.match(agentConfig(fleet), /^labels: \{"env":"production","team":"platform"\}$/m);
    assert.match(fleet.ownRules, /^# rules\/payments\.rules\n/);
  });

  const bad: [path: string, value: unknown, says: RegExp][] = [
    ["version", 2, /:\d+:1: version is 2; allowed are 1/],
    ["version", undefined, /the file lacks "version"/],
    ["name", "Prod!", /name is "Prod!"; it must match pattern/],
    ["colour", "red", /:\d+:1: unknown key "colour"; allowed are version, name, collector/],
    ["collector.endpoints", [], /collector\.endpoints is \[\]; it must NOT have fewer than 1 items/],
    [
      "collector.endpoints",
      ["collector"],
      /collector\.endpoints\.0 is "collector"; it must match pattern ".*" \(host:port without scheme/,
    ],
    ["collector.enroll_endpoints", undefined, /collector lacks "enroll_endpoints"/],
    ["collector.ca_file", "nowhere.pem", /collector\.ca_file is "nowhere\.pem", which cannot be read/],
    ["collector.ca_file", "empty.pem", /collector\.ca_file is "empty\.pem", which has no certificate in it/],
    ["collector.ca_file", "key.pem", /which has a private key in it: never give that to hosts/],
    ["agent.version", "latest", /agent\.version is "latest"; it must match/],
    ["agent.version", "1.2", /agent\.version is "1\.2"; it must match/],
    ["agent.artifact.source", "ftp", /agent\.artifact\.source is "ftp"; allowed are repo, url, file/],
    ["agent.artifact.url", "packages.example.org", /agent\.artifact\.url is "packages\.example\.org"; it must match/],
    ["agent.artifact.url", "", /agent\.artifact\.source is "url", which needs agent\.artifact\.url/],
    ["agent.artifact.sha256", {}, /needs agent\.artifact\.sha256, for deb or rpm/],
    ["agent.artifact.sha256.deb.x64", "abc", /agent\.artifact\.sha256\.deb\.x64 is "abc"; it must match/],
    ["agent.artifact.sha256.deb.mips", SUM, /unknown key "agent\.artifact\.sha256\.deb\.mips"; allowed are x64, arm64/],
    ["agent.artifact", { source: "file", sha256: { deb: { x64: SUM } } }, /needs agent\.artifact\.directory/],
    [
      "agent.artifact",
      { source: "repo", url: "https://x/y" },
      /needs agent\.artifact\.key_file: unsigned repositories/,
    ],
    ["agent.audit_mode", "sometimes", /agent\.audit_mode is "sometimes"; allowed are auto, multicast/],
    ["agent.rules.sets", ["everything"], /agent\.rules\.sets\.0 is "everything"; allowed are baseline/],
    ["agent.rules.own_files", ["none.rules"], /agent\.rules\.own_files is "none\.rules", which cannot be read/],
    ["agent.rules.manage", "yes", /agent\.rules\.manage is "yes"; allowed are auto, never/],
    ["agent.rules.backlog_limit", 1, /agent\.rules\.backlog_limit is 1; it must be >= 64/],
    ["agent.labels", { env: 1 }, /agent\.labels\.env is 1; it must be string/],
    ["agent.integrity_paths", ["etc"], /agent\.integrity_paths\.0 is "etc"; it must match/],
    ["agent.redaction.enabled", "no", /agent\.redaction\.enabled is "no"; it must be boolean/],
    ["agent.redaction.arguments", "some", /agent\.redaction\.arguments is "some"; allowed are redact, none/],
    ["agent.redaction.patterns", [""], /agent\.redaction\.patterns\.0 is ""; it must NOT have fewer/],
    ["agent.budget.cpu_percent", -1, /agent\.budget\.cpu_percent is -1; it must be >= 0/],
    ["agent.budget.memory_bytes", 1.5, /agent\.budget\.memory_bytes is 1\.5; it must be integer/],
    ["agent.spool.bytes_max", 1, /agent\.spool\.bytes_max is 1; it must be >= 4194304/],
    ["agent.spool.sync", "often", /agent\.spool\.sync is "often"; allowed are always, second, never/],
    ["agent.proxy", "http://user:secret@proxy:1", /agent\.proxy is .*; it must match/],
    ["enrollment.method", "password", /enrollment\.method is "password"; allowed are token, aws/],
    ["enrollment.token.ansible_variable", "a-b", /enrollment\.token\.ansible_variable is "a-b"; it must match/],
    ["enrollment.token.chef_data_bag_item", "bag", /enrollment\.token\.chef_data_bag_item is "bag"; it must match/],
    ["enrollment.token.ssm_parameter", "token", /enrollment\.token\.ssm_parameter is "token"; it must match/],
    ["enrollment.token.secretsmanager_secret", "a/b", /has ssm_parameter and secretsmanager_secret; allowed is one/],
    ["stages.serial", ["200%"], /stages\.serial\.0 is "200%"/],
    ["stages.max_fail_percentage", 101, /stages\.max_fail_percentage is 101; it must be <= 100/],
    ["stages.verify_timeout_seconds", 1, /stages\.verify_timeout_seconds is 1; it must be >= 5/],
    ["servers.version", "latest", /servers\.version is "latest"; it must match/],
    ["servers.version", "1.0.0", /servers\.version is given, and so servers\.nats\.version must be/],
    ["servers.sha256.rpm.x64", "abc", /servers\.sha256\.rpm\.x64 is "abc"; it must match/],
    ["servers.nats.version", "2.10.1", /servers\.nats\.version is "2\.10\.1"; it must be 2\.10\.23 or newer/],
    ["servers.nats.replicas", 2, /servers\.nats\.replicas is 2; allowed are 1, 3, 5/],
    ["servers.nats.stream_bytes_max", 1, /servers\.nats\.stream_bytes_max is 1; it must be >= 16777216/],
    [
      "servers.console_url",
      "http://c.example.org",
      /servers\.console_url is "http:\/\/c\.example\.org"; it must match/,
    ],
    ["servers.console_url", "https://u:p@c.example.org", /servers\.console_url/],
    ["servers.database", "a/b", /servers\.database is "a\/b"; it must match/],
    ["servers.admins", ["a b"], /servers\.admins\.0 is "a b"; it must match/],
    ["kernel.command_line", "reboot", /kernel\.command_line is "reboot"; allowed are warn, set, ignore/],
  ];
  // Whatever is a way for a secret into all modules, and onto all hosts.
  const secrets: [path: string, value: unknown][] = [
    ["agent.artifact.url", "https://user:secret@packages.example.org/hosttrail"],
    ["agent.artifact.url", "https://user:se@secret@packages.example.org/hosttrail"],
    ["agent.artifact.url", "https://user:12/secret@packages.example.org/hosttrail"],
    ["agent.artifact.url", 'https://user:"secret@packages.example.org/hosttrail'],
    ["agent.artifact.url", "https://secret@packages.example.org/hosttrail"],
    ["agent.artifact.url", "https://packages.example.org/hosttrail?token=secret"],
    ["agent.artifact.url", "https://packages.example.org/hosttrail#secret"],
    ["agent.proxy", "http://user:secret@proxy:1"],
    ["agent.proxy", "http://secret@proxy:1"],
    ["agent.proxy", "http://proxy?secret:1"],
    ["collector.endpoints", ["user:secret@collector:7443"]],
    ["collector.endpoints", ["https://user:secret@collector:7443"]],
    ["collector.enroll_endpoints", ["https://secret@collector:7445"]],
  ];
  for (const [path, value] of secrets) {
    it(`refuses the secret in ${path} ${JSON.stringify(value)}, and does not show it`, () => {
      const said = problems(changed(path, value));
      assert.match(said, /fleet\.yaml:\d+:\d+: (agent|collector)\..* must match .*without .*user.*password/);
      assert.doesNotMatch(said, /secret/);
    });
  }

  it("takes URLs that only look as if they had a secret", () => {
    for (const url of [
      "https://packages.example.org:8443/a/%40b/c~d/$releasever",
      "http://[2001:db8::1]:8080/x",
      "https://p",
    ])
      assert.equal(problems(changed("agent.artifact.url", url)), "", url);
    assert.equal(problems(changed("agent.proxy", "http://[2001:db8::1]:3128")), "");
    assert.equal(problems(changed("collector.endpoints", ["[2001:db8::1]:7443"])), "");
  });

  it("takes no private key for a repository's public one", () => {
    const artifact = { source: "repo", url: "https://x/y", key_file: "key.pem" };
    assert.match(
      problems(changed("agent.artifact", artifact)),
      /artifact\.key_file is "key\.pem", which has a private key in it/,
    );
  });

  for (const [path, value, says] of bad) {
    it(`says what is wrong with ${path} ${JSON.stringify(value) ?? "missing"}`, () => {
      assert.match(problems(changed(path, value)), says);
    });
  }

  it("takes no servers from a repository", () => {
    writeFileSync(join(folder, "hosttrail.asc"), "key");
    const file = changed("agent.artifact", { source: "repo", url: "https://x/y", key_file: "hosttrail.asc" });
    const spec = parse(readFileSync(file, "utf8")) as Tree;
    writeFileSync(file, stringify({ ...spec, servers: { version: "1.0.0", nats: { version: "2.11.4" } } }));
    assert.match(problems(file), /servers come from url or file/);
  });

  it("has another hash whenever something of it changes, also in a file that it names", () => {
    const hashes = new Set([loadFleet(changed("name", "example")).hash]);
    hashes.add(loadFleet(changed("name", "other")).hash);
    writeFileSync(join(folder, "rules/payments.rules"), "-w /srv/other -p wa -k other\n");
    hashes.add(loadFleet(changed("name", "example")).hash);
    assert.equal(hashes.size, 3);
  });

  it("names what makes its hosts: the name is another one with any of it, and the same with other servers and stages", () => {
    const { spec } = loadFleet(changed("name", "example"));
    assert.match(spec, /^example@[0-9a-f]{12}$/);
    assert.equal(loadFleet(changed("stages.max_fail_percentage", 7)).spec, spec);
    assert.equal(loadFleet(changed("servers.console_url", "https://c.example.org:7447")).spec, spec);
    assert.notEqual(loadFleet(changed("agent.budget.cpu_percent", 7)).spec, spec);
    assert.notEqual(loadFleet(changed("agent.version", "9.9.9")).spec, spec);
    // A group changes what a host has, and not by which spec it has it.
    assert.equal(fleetOfHost(loadFleet(changed("name", "example")), "db1").fleet.spec, spec);
  });

  it("has a description for every key", () => {
    const missing: string[] = [];
    const visit = (path: string, schema: Tree): void => {
      for (const [key, inner] of Object.entries((schema["properties"] ?? {}) as Record<string, Tree>)) {
        const name = path === "" ? key : `${path}.${key}`;
        if (inner["properties"] !== undefined) visit(name, inner);
        else if (typeof inner["description"] !== "string" && !/sha256/.test(name)) missing.push(name);
      }
    };
    visit("", fleetSchema);
    assert.deepEqual(missing, []);
  });

  it("throws nothing but ConfigErrors, whatever stands in it", () => {
    const file = join(folder, "any.yaml");
    const paths = bad.map(([path]) => path);
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        problems(changed(path, value));
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        writeFileSync(file, text);
        problems(file);
      }),
      { numRuns: 500 },
    );
  });
});

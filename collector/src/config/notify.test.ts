import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mapOf, parseConfig } from "@hosttrail/lib/config";
import { checkNotify, type NotifyConfig, notifySchema } from "./notify.ts";

const SCHEMA = mapOf({ notify: notifySchema }, ["notify"]);

function read(text: string): NotifyConfig {
  const { notify } = parseConfig<{ notify: NotifyConfig }>(`notify: { ${text} }`, "f", SCHEMA);
  checkNotify("f", notify);
  return notify;
}

function route(text: string): string {
  return `routes: [{ name: r, ${text} }]`;
}

const HOOK = "target: webhook, url: 'https://example.org/x', secret_files: [/a]";

describe("the section notify", () => {
  it("may be empty, and has defaults for all that a route does not say", () => {
    assert.deepEqual(read("").routes, []);
    const [one] = read(route(HOOK)).routes;
    assert.deepEqual(one?.match.changes, ["opened", "acknowledged", "closed", "reopened"]);
    assert.deepEqual(one?.rate, { perMinute: 30, burst: 30, summaryMs: 60_000 });
    assert.equal(one?.match.severityMin, "informational");
  });

  it("takes a route of each target", () => {
    const texts = [
      HOOK,
      "target: ocsf, url_file: /u, secret_files: [/a, /b]",
      "target: slack, url_file: /u",
      "target: pagerduty, key_file: /k",
      "target: smtp, address: 'mail.example.org:587', from: a@example.org, to: [b@example.org], user: u, password_file: /p",
      "target: syslog, address: 'tls://[2001:db8::1]:6514'",
    ];
    for (const text of texts) assert.equal(read(route(text)).routes.length, 1, text);
  });

  const wrong: [string, string, RegExp][] = [
    [
      "a webhook without a secret",
      route("target: webhook, url: 'https://example.org/x'"),
      /webhook needs secret_files/,
    ],
    ["a webhook without an address", route("target: webhook, secret_files: [/a]"), /webhook needs url or url_file/],
    [
      "a Slack URL, which is a secret, in the file",
      route("target: slack, url: 'https://hooks.slack.com/x'"),
      /slack needs url_file/,
    ],
    [
      "a key that a target has no use for",
      route("target: slack, url_file: /u, key_file: /k"),
      /slack has no use for key_file/,
    ],
    ["both kinds of URL", route(`${HOOK}, url_file: /u`), /url and url_file are both set/],
    [
      "a password in a URL",
      route("target: webhook, url: 'https://u:p@example.org', secret_files: [/a]"),
      /url has a user in it/,
    ],
    [
      "a user without a password",
      route("target: smtp, address: 'h:25', from: a@b, to: [c@d], user: u"),
      /belong together/,
    ],
    ["syslog without its protocol", route("target: syslog, address: 'h:514'"), /must begin with tls:/],
    ["a port that is none", route("target: syslog, address: 'tls://h:70000'"), /no such port/],
    [
      "a sender that would end a line",
      route("target: smtp, address: 'h:25', from: \"a@b\\r\\nBcc: x@y\", to: [c@d]"),
      /from/,
    ],
    ["a name that is none", "routes: [{ name: 'A b', target: slack, url_file: /u }]", /routes\.0\.name/],
    ["an unknown key", route(`${HOOK}, secret: x`), /unknown key "notify\.routes\.0\.secret"/],
    ["an unknown change", route(`${HOOK}, match: { changes: [born] }`), /allowed are opened, updated/],
    [
      "networks that are none",
      "allow_addresses: [10.0.0.1, 10.0.0.0/33, host/8]",
      /"10\.0\.0\.1"[^]*"10\.0\.0\.0\/33"[^]*"host\/8"/,
    ],
    [
      "two routes of one name",
      "routes: [{ name: a, target: slack, url_file: /u }, { name: a, target: slack, url_file: /u }]",
      /two routes "a"/,
    ],
    [
      "a first try later than the longest",
      route(`${HOOK}, retry: { first_ms: 60000, longest_ms: 1000 }`),
      /first_ms is more/,
    ],
  ];
  for (const [what, text, message] of wrong) it(`refuses ${what}`, () => assert.throws(() => read(text), message));
});

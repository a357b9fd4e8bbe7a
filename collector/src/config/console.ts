/** The section `console` of collector.yaml. */
import { ConfigError, type ConfigSchema, integer, mapOf, optionalPath } from "@hosttrail/lib/config";

export interface ConsoleConfig {
  listen: string;
  publicUrl: string;
  clientCertificates: boolean;
  sessionIdleMinutes: number;
  sessionMaxMinutes: number;
  sessionsPerCallerMax: number;
  callsPerSessionMax: number;
  streamsPerSessionMax: number;
  loginsPerMinute: number;
  oidc: { clientId: string; clientSecretFile: string; scope: string; displayName: string };
}

const DAY_MINUTES = 1440;

export const consoleSchema: ConfigSchema = mapOf({
  listen: {
    type: "string",
    pattern: "^(?:[^\\s]+:\\d{1,5})?$",
    default: "",
    description: "Where browsers come, as 0.0.0.0:7447. Empty: nowhere.",
  },
  public_url: {
    type: "string",
    pattern: "^(?:https://[^\\s/?#@]+)?$",
    default: "",
    description:
      "How browsers see it, as https://hosttrail.example.org: for login links, and for a provider, which sends people back there.",
  },
  client_certificates: {
    type: "boolean",
    default: true,
    description: "Whether people may log in by the client certificate that their browser has.",
  },
  session_idle_minutes: {
    ...integer(1, DAY_MINUTES, 30),
    description: "A session in which nothing was asked for so long ends, to the minute.",
  },
  session_max_minutes: {
    ...integer(1, 7 * DAY_MINUTES, 720),
    description: "A session ends after this time in any case.",
  },
  sessions_per_caller_max: {
    ...integer(1, 1000, 32),
    description: "Whoever logs in once more ends the oldest of theirs.",
  },
  calls_per_session_max: { ...integer(4, 1024, 64), description: "Calls of one session that go on at once." },
  streams_per_session_max: {
    ...integer(1, 256, 16),
    description: "Of these, calls with many answers: searches, tails.",
  },
  logins_per_minute: {
    ...integer(1, 10_000, 20),
    description: "Attempts to log in from one address; an IPv6 network of 64 bits is one.",
  },
  oidc: mapOf({
    client_id: {
      type: "string",
      maxLength: 256,
      default: "",
      description:
        "Of the console at the provider that access.oidc.issuer names; empty: nobody logs in by the provider here.",
    },
    client_secret_file: {
      ...optionalPath,
      description: "The client's secret and nothing else, mode 0600. Empty: a public client.",
    },
    scope: { type: "string", pattern: "^openid(?: [\\x21\\x23-\\x5b\\x5d-\\x7e]+)*$", default: "openid" },
    display_name: {
      type: "string",
      maxLength: 64,
      default: "",
      description: "What the button says, as the provider is called by people. Empty: the issuer's host.",
    },
  }),
});

const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** What only shows where several settings are seen together; throws a ConfigError that names every problem. */
export function checkConsole(file: string, { publicUrl, oidc }: ConsoleConfig, issuer: string): void {
  const problems: string[] = [];
  if (oidc.clientId !== "") {
    if (issuer === "") problems.push("console.oidc.client_id is set, so access.oidc.issuer must be set, too");
    if (publicUrl === "") problems.push("console.oidc.client_id is set, so console.public_url must be set, too");
    if (issuer.startsWith("http:") && !LOOPBACK.includes(new URL(issuer).hostname))
      problems.push(
        `console.oidc.client_id is set, and access.oidc.issuer is ${issuer}; allowed is https://, or http:// on this machine`,
      );
  } else if (oidc.clientSecretFile !== "")
    problems.push("console.oidc.client_secret_file is set, so console.oidc.client_id must be set, too");
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${file}: ${problem}`));
}

/** The section `notify` of collector.yaml. */
import { isIP } from "node:net";
import { ConfigError, type ConfigSchema, integer, mapOf, optionalPath } from "@hosttrail/lib/config";

type Severity = "informational" | "low" | "medium" | "high" | "critical";
type Change = "opened" | "updated" | "acknowledged" | "closed" | "reopened" | "noted";
type Target = "webhook" | "ocsf" | "slack" | "pagerduty" | "smtp" | "syslog";

export interface NotifyConfig {
  link: string;
  allowAddresses: string[];
  routes: NotifyRouteConfig[];
}

interface NotifyRouteConfig {
  name: string;
  target: Target;
  url: string;
  urlFile: string;
  address: string;
  secretFiles: string[];
  keyFile: string;
  user: string;
  passwordFile: string;
  from: string;
  to: string[];
  tls: "tls" | "starttls" | "none";
  caFile: string;
  match: {
    severityMin: Severity;
    labels: Record<string, string>;
    rulesets: string[];
    rules: string[];
    changes: Change[];
  };
  rate: { perMinute: number; burst: number; summaryMs: number };
  retry: { firstMs: number; longestMs: number; giveUpMs: number };
  timeoutMs: number;
  concurrency: number;
  waitingMax: number;
}

/** `user@domain` of ASCII characters, none of which could end an address or a line. */
const MAIL_ADDRESS = "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}";
const texts = (lengthMax: number): Record<string, unknown> => ({
  type: "array",
  items: { type: "string", minLength: 1, maxLength: lengthMax },
  default: [],
});

const route = mapOf(
  {
    name: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,62}$" },
    target: { type: "string", enum: ["webhook", "ocsf", "slack", "pagerduty", "smtp", "syslog"] },
    url: { type: "string", pattern: "^(?:https?://[^\\s]+)?$", default: "" },
    url_file: optionalPath,
    address: {
      type: "string",
      pattern: "^(?:(?:tls|tcp|udp)://)?(?:\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9.-]+):\\d{1,5}$|^$",
      default: "",
    },
    secret_files: { type: "array", items: { type: "string", pattern: "^/" }, maxItems: 8, default: [] },
    key_file: optionalPath,
    user: { type: "string", maxLength: 256, default: "" },
    password_file: optionalPath,
    from: { type: "string", pattern: `^(?:${MAIL_ADDRESS})?$`, default: "" },
    to: { type: "array", items: { type: "string", pattern: `^${MAIL_ADDRESS}$` }, maxItems: 50, default: [] },
    tls: { type: "string", enum: ["tls", "starttls", "none"], default: "starttls" },
    ca_file: optionalPath,
    match: mapOf({
      severity_min: {
        type: "string",
        enum: ["informational", "low", "medium", "high", "critical"],
        default: "informational",
      },
      labels: {
        type: "object",
        default: {},
        additionalProperties: { type: "string", maxLength: 256 },
        maxProperties: 64,
      },
      rulesets: texts(63),
      rules: texts(256),
      changes: {
        type: "array",
        minItems: 1,
        uniqueItems: true,
        items: { type: "string", enum: ["opened", "updated", "acknowledged", "closed", "reopened", "noted"] },
        default: ["opened", "acknowledged", "closed", "reopened"],
      },
    }),
    rate: mapOf({
      per_minute: integer(1, 100_000, 30),
      burst: integer(1, 100_000, 30),
      summary_ms: integer(1000, 3_600_000, 60_000),
    }),
    retry: mapOf({
      first_ms: integer(100, 600_000, 5000),
      longest_ms: integer(1000, 86_400_000, 1_800_000),
      give_up_ms: integer(1000, 259_200_000, 21_600_000),
    }),
    timeout_ms: integer(100, 60_000, 15_000),
    concurrency: integer(1, 64, 4),
    waiting_max: integer(1, 20_000, 5000),
  },
  ["name", "target"],
);

export const notifySchema: ConfigSchema = mapOf({
  link: {
    type: "string",
    pattern: "^(?:https?://[^\\s]+)?$",
    default: "",
    description: "Put before an alert's id, it leads to where people see the alert.",
  },
  allow_addresses: {
    ...texts(64),
    description: "Networks of this machine and private ones that routes may lead into, as 10.0.0.0/8 or fd00::/8.",
  },
  routes: {
    type: "array",
    maxItems: 64,
    items: route,
    default: [],
    description: "Who is told of alerts; see docs/notify.md.",
  },
});

/** Keys that a target needs, any one of each list; and those that it has a use for beside them. */
const KEYS: Readonly<Record<Target, { needs: readonly (readonly Key[])[]; takes: readonly Key[] }>> = {
  webhook: { needs: [["url", "url_file"], ["secret_files"]], takes: ["ca_file"] },
  ocsf: { needs: [["url", "url_file"], ["secret_files"]], takes: ["ca_file"] },
  slack: { needs: [["url_file"]], takes: ["ca_file"] },
  pagerduty: { needs: [["key_file"]], takes: ["url", "ca_file"] },
  smtp: { needs: [["address"], ["from"], ["to"]], takes: ["user", "password_file", "tls", "ca_file"] },
  syslog: { needs: [["address"]], takes: ["tls", "ca_file"] },
};

type Key =
  | "url"
  | "url_file"
  | "address"
  | "secret_files"
  | "key_file"
  | "user"
  | "password_file"
  | "from"
  | "to"
  | "tls"
  | "ca_file";

const VALUES: Readonly<Record<Key, (route: NotifyRouteConfig) => boolean>> = {
  url: ({ url }) => url !== "",
  url_file: ({ urlFile }) => urlFile !== "",
  address: ({ address }) => address !== "",
  secret_files: ({ secretFiles }) => secretFiles.length > 0,
  key_file: ({ keyFile }) => keyFile !== "",
  user: ({ user }) => user !== "",
  password_file: ({ passwordFile }) => passwordFile !== "",
  from: ({ from }) => from !== "",
  to: ({ to }) => to.length > 0,
  // Has a default.
  tls: () => false,
  ca_file: ({ caFile }) => caFile !== "",
};

/** What the schema cannot say. Throws a ConfigError that names every problem. */
export function checkNotify(file: string, { routes, allowAddresses }: NotifyConfig): void {
  const names = routes.map(({ name }) => name);
  const problems = [
    ...allowAddresses
      .filter((text) => !isNetwork(text))
      .map((text) => `notify.allow_addresses has "${text}", which is no network such as 10.0.0.0/8`),
    ...names.filter((name, at) => names.indexOf(name) !== at).map((name) => `notify.routes has two routes "${name}"`),
    ...routes.flatMap(problemsOf),
  ];
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${file}: ${problem}`));
}

function problemsOf(route: NotifyRouteConfig): string[] {
  const { name, target, address, user, passwordFile, url, retry } = route;
  const { needs, takes } = KEYS[target];
  const has = (key: Key): boolean => VALUES[key](route);
  const known = [...needs.flat(), ...takes];
  const problems = [
    ...needs.filter((keys) => !keys.some(has)).map((keys) => `${target} needs ${keys.join(" or ")}`),
    ...(Object.keys(VALUES) as Key[])
      .filter((key) => has(key) && !known.includes(key))
      .map((key) => `${target} has no use for ${key}`),
  ];
  if (url !== "" && route.urlFile !== "") problems.push("url and url_file are both set");
  if (url !== "" && new URL(url).username !== "") problems.push("url has a user in it: put it into url_file");
  if ((user === "") !== (passwordFile === "")) problems.push("user and password_file belong together");
  const hasScheme = /^(?:tls|tcp|udp):/.test(address);
  if (target === "syslog" && address !== "" && !hasScheme)
    problems.push("address must begin with tls://, tcp:// or udp://");
  if (target === "smtp" && hasScheme) problems.push("address is host:port; tls says how TLS begins");
  if (Number(/:(\d+)$/.exec(address)?.[1] ?? 1) > 65_535) problems.push(`address has no such port: ${address}`);
  if (retry.firstMs > retry.longestMs) problems.push("retry.first_ms is more than retry.longest_ms");
  return problems.map((problem) => `notify route "${name}": ${problem}`);
}

/** Whether the text is an address and how many of its first bits count. */
function isNetwork(text: string): boolean {
  const match = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text);
  const family = isIP(match?.[1] ?? "");
  return family !== 0 && Number(match?.[2]) <= (family === 4 ? 32 : 128);
}

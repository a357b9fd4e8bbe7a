/**
 * JSON Schema of fleet.yaml. Bounds of what becomes the agent's configuration are those of the agent's own schema, so that the two
 * cannot come apart.
 */
import { agentSchema } from "@hosttrail/agent/config";
import { address, type ConfigSchema, choice, integer, mapOf } from "@hosttrail/lib/config";

type Schema = Record<string, unknown>;

/** Rule sets that come with the agent. */
export const RULE_SETS: readonly string[] = [
  "baseline",
  "identity",
  "privileged-commands",
  "file-integrity",
  "pci",
  "network",
];

const described = (description: string, schema: Schema): Schema => ({ ...schema, description });

function keyOf(schema: Schema, path: string): Schema {
  let found = schema;
  for (const key of path.split(".")) found = (found["properties"] as Record<string, Schema>)[key] ?? {};
  return found;
}

/** A key of agent.yaml, by its path. */
function ofAgent(path: string): Schema {
  return keyOf(agentSchema, path);
}

/** A version as semver writes it: never a range, never "latest". */
const exactVersion: Schema = {
  type: "string",
  pattern: "^\\d+\\.\\d+\\.\\d+(?:-[0-9A-Za-z.]+)?$",
};
const sha256: Schema = { type: "string", pattern: "^[0-9a-f]{64}$" };
const byArch = mapOf({ x64: sha256, arm64: sha256 });
const file: Schema = { type: "string", pattern: "^[^\\0]+$" };
const optional = (pattern: string): Schema => ({ type: "string", pattern: `^(?:${pattern})?$`, default: "" });
/** Of a URL: no @ anywhere, so that neither user nor password can be there; no query, which may hold a token; no quotes of a shell. */
const URL_HOST = "(?:[^\\s/?#@:%\\\\\\[\\]\"'`<>]+|\\[[0-9A-Fa-f:.]+\\])";
const URL_PATH = "(?:/[^\\s?#@\\\\\"'`<>]*[^\\s/?#@\\\\\"'`<>])?";
const NO_SECRETS = "without user, password, token or query: it would stand in all modules and on all hosts";
const folderUrl: Schema = {
  ...optional(`https?://${URL_HOST}(?::\\d{1,5})?${URL_PATH}`),
  $comment: `the http or https URL of a folder, without a / at its end, ${NO_SECRETS}`,
};
const proxyUrl: Schema = {
  ...optional(`http://${URL_HOST}:\\d{1,5}`),
  $comment: `http://host:port, ${NO_SECRETS}`,
};
const endpoints: Schema = { type: "array", minItems: 1, maxItems: 16, items: address };

const collector = mapOf(
  {
    endpoints: described(
      "Where agents send their blocks: host:port of the role ingest, or of what stands before it.",
      endpoints,
    ),
    enroll_endpoints: described("Where agents get their certificates: host:port of the role enroll.", endpoints),
    ca_file: described("Authorities that agents trust at first contact: a PEM file, relative to the spec.", file),
  },
  ["endpoints", "enroll_endpoints", "ca_file"],
);

const artifact = mapOf(
  {
    source: described(
      "repo: the host's package manager gets it. url: the host downloads it. file: it comes with the run, for hosts without a way out.",
      { type: "string", enum: ["repo", "url", "file"] },
    ),
    url: described(
      "Of url: the folder that holds the packages. Of repo: the folder that holds apt/ and rpm/.",
      folderUrl,
    ),
    directory: described("Of file: the folder that holds the packages, on the machine that runs the module.", {
      type: "string",
      default: "",
    }),
    key_file: described("Of repo: the public key that signs it, relative to the spec.", {
      type: "string",
      default: "",
    }),
    sha256: described(
      "Of url and file: what each package must be, by format and architecture. Take them from a SHA256SUMS whose signature you checked.",
      mapOf({ deb: byArch, rpm: byArch }),
    ),
  },
  ["source"],
);

const rules = mapOf({
  sets: described("Rule sets that come with the agent, in this order.", {
    type: "array",
    uniqueItems: true,
    items: { type: "string", enum: RULE_SETS },
    default: ["baseline", "identity"],
  }),
  own_files: described(
    "Files with rules of your own, in auditctl's syntax, relative to the spec; they come after the sets.",
    {
      type: "array",
      maxItems: 64,
      items: file,
      default: [],
    },
  ),
  manage: described(
    "never: only look whether the kernel has the rules; whoever else manages audit loads them.",
    ofAgent("audit.manage"),
  ),
  backlog_limit: described("Records that the kernel keeps while nobody reads them.", ofAgent("audit.backlog_limit")),
});

const agent = mapOf(
  {
    version: described("Version of the agent's package.", exactVersion),
    artifact,
    audit_mode: described(
      "auto: beside auditd where it runs, in its place where it does not. fail-if-auditd: touch no host where it runs. none: read nothing of the kernel, for containers.",
      choice(["auto", "multicast", "unicast", "fail-if-auditd", "none"], "auto"),
    ),
    rules,
    labels: described("Labels of the hosts, by which people's scopes go.", ofAgent("labels")),
    tag_labels: described(
      "On AWS: labels that a host's events get from tags of its instance, the tag's key for each. Those of `labels` go before them; scopes of people go by none of them.",
      ofAgent("enrich.tag_labels"),
    ),
    integrity_paths: described(
      "Files and folders whose content is hashed when it changes.",
      ofAgent("integrity.paths"),
    ),
    redaction: mapOf({
      enabled: described("Replace secrets in arguments before anything reaches the disk.", ofAgent("redact.enabled")),
      arguments: described(
        "none: of command lines nothing is kept but the program, for hosts on which no list of secrets is trusted.",
        ofAgent("redact.arguments"),
      ),
      patterns: ofAgent("redact.patterns"),
    }),
    budget: mapOf({
      cpu_percent: ofAgent("budget.cpu_percent"),
      memory_bytes: described(
        "Resident bytes beyond which the agent gives up caches, then events of low priority.",
        ofAgent("budget.memory_bytes"),
      ),
    }),
    spool: mapOf({
      bytes_max: described("Bytes on the host's disk for events that are not stored yet.", ofAgent("spool.bytes_max")),
      hours_max: described("Hours after which they are given up; 0 for never.", ofAgent("spool.hours_max")),
      sync: described("When blocks are forced to the disk.", ofAgent("spool.sync")),
    }),
    proxy: described("HTTP proxy for the way to the collector and for downloads: http://host:port.", proxyUrl),
  },
  ["version", "artifact"],
);

const enrollment = mapOf({
  method: described(
    "token: one that `hosttrail token create` makes. aws: the instance identity document.",
    choice(["token", "aws"], "token"),
  ),
  token: described(
    "Where each module finds the token. It never stands in the spec, in what is generated, in state or on a command line.",
    mapOf({
      ansible_variable: described("A variable that Ansible Vault holds.", {
        type: "string",
        pattern: "^[a-z_][a-z0-9_]*$",
        default: "vault_hosttrail_enrollment_token",
      }),
      chef_data_bag_item: described("An encrypted data bag item, BAG/ITEM, with the key token.", {
        type: "string",
        pattern: "^[\\w-]+/[\\w-]+$",
        default: "hosttrail/enrollment",
      }),
      ssm_parameter: described(
        "An SSM parameter of type SecureString, which instances read themselves.",
        optional("/[\\w./-]+"),
      ),
      secretsmanager_secret: described(
        "A Secrets Manager secret, which instances read themselves.",
        optional("[\\w/+=.@-]+"),
      ),
    }),
  ),
});

const stages = mapOf({
  serial: described("Hosts of each stage, one after the other: numbers or percentages.", {
    type: "array",
    minItems: 1,
    maxItems: 16,
    items: {
      anyOf: [
        { type: "integer", minimum: 1 },
        { type: "string", pattern: "^(?:[1-9]\\d?|100)%$" },
      ],
    },
    default: [1, "10%", "100%"],
  }),
  max_fail_percentage: described("Hosts of a stage that may fail before the rollout ends.", integer(0, 100, 0)),
  verify_timeout_seconds: described(
    "How long each host may take to prove that its events arrive.",
    integer(5, 3600, 120),
  ),
});

const kernel = mapOf({
  command_line: described(
    "What to do where the kernel was started without audit=1: warn, or set it for the next boot. Nothing is ever rebooted.",
    choice(["warn", "set", "ignore"], "warn"),
  ),
});

const servers = mapOf({
  version: described(
    "Version of the collector's package; empty where the collectors are run otherwise.",
    optional("\\d+\\.\\d+\\.\\d+(?:-[0-9A-Za-z.]+)?"),
  ),
  sha256: described(
    "What each package hosttrail-collector must be; it comes from where the agent's does.",
    mapOf({ deb: byArch, rpm: byArch }),
  ),
  nats: mapOf({
    version: described(
      "Version of the NATS project's own package nats-server, 2.10.23 or newer.",
      optional("\\d+\\.\\d+\\.\\d+"),
    ),
    sha256: described("What each of them must be.", mapOf({ deb: byArch, rpm: byArch })),
    replicas: described("Copies of each message: 1, or 3 or 5 over as many servers.", {
      type: "integer",
      enum: [1, 3, 5],
      default: 1,
    }),
    stream_bytes_max: described(
      "Bytes of blocks that are not stored yet, at most.",
      integer(16_777_216, 1_099_511_627_776, 4_294_967_296),
    ),
  }),
  database: described("Name of the database in MongoDB.", {
    type: "string",
    pattern: "^[A-Za-z0-9_-]{1,63}$",
    default: "hosttrail",
  }),
  console_url: described(
    "How browsers see the console, https://host:port with a host of the collectors' certificate; empty: its port is open to nobody.",
    optional("https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?"),
  ),
  admins: described("Who may do everything: names of user certificates.", {
    type: "array",
    default: [],
    maxItems: 64,
    items: { type: "string", pattern: "^[\\w.@-]{1,128}$" },
  }),
});

/** A schema without defaults and without what must be there: what a group does not say stays as it is. */
function partly(schema: Schema): Schema {
  const { default: _default, required: _required, properties, ...rest } = schema;
  if (properties === undefined) return rest;
  const inner = Object.entries(properties as Record<string, Schema>).map(([key, each]) => [key, partly(each)]);
  return { ...rest, properties: Object.fromEntries(inner) as Record<string, Schema> };
}

/** Of the agent, what may differ between hosts of one fleet. Its version and where it comes from are of stages, not of groups. */
const BY_GROUP = ["audit_mode", "rules", "labels", "integrity_paths", "redaction", "budget", "spool", "proxy"] as const;

const label: Schema = keyOf(agentSchema, "labels");
const tags: Schema = {
  type: "array",
  uniqueItems: true,
  maxItems: 64,
  items: { type: "string", pattern: "^[A-Za-z0-9_.:-]{1,128}$" },
};

const groups = described(
  "Groups of hosts that differ from the fleet, in their order: a later one wins. Lists take the place of lists; labels are added to.",
  {
    type: "array",
    maxItems: 64,
    default: [],
    items: mapOf(
      {
        name: described("Name of the group.", { type: "string", pattern: "^[a-z][a-z0-9-]{0,31}$" }),
        match: described("Which hosts are in it. All that is given must hold.", {
          ...partly(
            mapOf({
              hosts: described(
                "Patterns of names, of which one must fit: * for any text, ? for any character. One without a dot is for the part of a name before its first dot.",
                {
                  type: "array",
                  minItems: 1,
                  maxItems: 256,
                  items: { type: "string", pattern: "^[A-Za-z0-9._*?-]{1,253}$" },
                },
              ),
              labels: described("Labels that the host has: of the fleet, of groups before this one, and its own.", {
                ...label,
                minProperties: 1,
              }),
              tags: described(
                "Tags, of which the host has one: Ansible's groups, tags of Chef's node, tags in Terraform.",
                {
                  ...tags,
                  minItems: 1,
                },
              ),
            }),
          ),
          minProperties: 1,
        }),
        agent: described("What these hosts have instead.", {
          ...partly(mapOf(Object.fromEntries(BY_GROUP.map((key) => [key, keyOf(agent, key)])))),
          minProperties: 1,
        }),
      },
      ["name", "match", "agent"],
    ),
  },
);

const hosts = described(
  "Hosts that are known, by name, with labels and tags of their own. Where there are any, each group must match one of them.",
  {
    type: "object",
    maxProperties: 10_000,
    default: {},
    additionalProperties: mapOf({
      labels: described("Labels of this host alone.", { ...label, default: {} }),
      tags: described("Tags, by which groups find it.", { ...tags, default: [] }),
    }),
  },
);

/** Least and greatest value of a key that holds a whole number, by its path. */
export function boundsOf(path: string): { minimum: number; maximum: number } {
  const { minimum, maximum } = keyOf(fleetSchema, path);
  if (typeof minimum !== "number" || typeof maximum !== "number") throw new Error(`${path} has no bounds`);
  return { minimum, maximum };
}

/** JSON Schema (draft-07) of fleet.yaml. */
export const fleetSchema: ConfigSchema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "Hosttrail fleet specification",
  ...mapOf(
    {
      version: described("Version of this format.", { type: "integer", enum: [1] }),
      name: described("Name of the fleet.", { type: "string", pattern: "^[a-z][a-z0-9-]{0,31}$" }),
      collector,
      agent,
      groups,
      hosts,
      enrollment,
      stages,
      kernel,
      servers,
    },
    ["version", "name", "collector", "agent"],
  ),
  // For anchors: what several places name stands here once.
  patternProperties: { "^x-": {} },
};

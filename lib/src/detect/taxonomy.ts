/**
 * What Sigma's log sources and fields are in kernel audit. This table is the documentation's as well.
 * Source: https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-appendix-taxonomy.md
 */
import type { Endpoint, File } from "@hosttrail/proto/event";
import type { Logsource } from "../sigma/index.ts";
import type { SigmaField } from "./events.ts";

/** Events of a category, by what happened; only those that succeeded. */
export interface Category {
  actions: readonly string[];
  /** Further categories of ECS, where an action alone says too little. */
  types?: readonly string[];
  fields: ReadonlyMap<string, SigmaField>;
  /** System calls of which one must be audited, and what a rule for it looks like. */
  calls: readonly string[];
}

const is = (field: string): SigmaField => ({ kind: "field", field });
const never = (why: string): SigmaField => ({ kind: "never", why });

const NOT_OF_LINUX = "programs of Linux have no such resource";
const NO_NAME = "the kernel connects to addresses and knows no names";

/** Fields of whoever acted. */
const ACTOR: readonly [string, SigmaField][] = [
  ["Image", is("process.executable")],
  ["ProcessId", is("process.pid")],
  ["ProcessGuid", is("process.entity_id")],
  ["User", is("user.name")],
];

const PROCESS: readonly [string, SigmaField][] = [
  ...ACTOR,
  ["CommandLine", is("process.command_line")],
  ["CurrentDirectory", is("process.working_directory")],
  ["LogonId", is("user.id")],
  ["sha256", is("process.hash.sha256")],
  ["ParentImage", is("process.parent.executable")],
  ["ParentCommandLine", is("process.parent.command_line")],
  ["ParentProcessId", is("process.parent.pid")],
  ["ParentProcessGuid", is("process.parent.entity_id")],
  [
    "Hashes",
    {
      kind: "read",
      field: "process.hash.sha256",
      read: (row: { executableSha256: string }) => hashes(row.executableSha256),
      what: "SHA256= and process.hash.sha256",
    },
  ],
  ...["OriginalFileName", "Description", "Product", "Company", "FileVersion", "IntegrityLevel"].map(
    (name): [string, SigmaField] => [name, never(NOT_OF_LINUX)],
  ),
  ["ParentUser", never("whose process the parent was is not in the events of its child")],
  ["md5", never("SHA-256 is the only hash that is taken")],
  ["sha1", never("SHA-256 is the only hash that is taken")],
  ["LogonGuid", never(NOT_OF_LINUX)],
];

function hashes(sha256: string): string | undefined {
  return sha256 === "" ? undefined : `SHA256=${sha256.toUpperCase()}`;
}

/** Nametypes of the records that name what an event made, changed or took away. */
function targetOf(...nametypes: string[]): SigmaField {
  return {
    kind: "read",
    field: "file.path",
    read: (row: File) => (row.path !== "" && nametypes.includes(row.nametype) ? row.path : undefined),
    what: `file.path, of the records whose nametype is ${nametypes.join(" or ")}`,
    isWhole: true,
  };
}

function fileFields(...nametypes: string[]): ReadonlyMap<string, SigmaField> {
  return new Map([
    ...ACTOR,
    ["CommandLine", is("process.command_line")],
    ["ParentImage", is("process.parent.executable")],
    ["TargetFilename", targetOf(...nametypes)],
    ["CreationUtcTime", never("what time a file says it was made is not in the event")],
  ]);
}

const isIpv6: SigmaField = {
  kind: "read",
  field: "destination.ip",
  read: (row: Endpoint) => (row.ip === "" ? undefined : String(row.ip.includes(":"))),
  what: "whether destination.ip is an IPv6 address",
};

const INITIATED: SigmaField = {
  kind: "read",
  field: "event.action",
  read: (row: { action: string }) => String(row.action !== "accepted-connection-from"),
  what: "false where event.action is accepted-connection-from, else true",
};

export const CATEGORIES: ReadonlyMap<string, Category> = new Map<string, Category>([
  ["process_creation", { actions: ["executed"], fields: new Map(PROCESS), calls: ["execve", "execveat"] }],
  [
    "file_event",
    {
      actions: [
        "opened-file",
        "renamed",
        "hard-linked",
        "symlinked",
        "created-directory",
        "created-device",
        "wrote-to-file",
      ],
      types: ["creation", "change"],
      fields: fileFields("CREATE", "NORMAL"),
      calls: [
        "open",
        "openat",
        "openat2",
        "creat",
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
      ],
    },
  ],
  [
    "file_access",
    { actions: ["opened-file", "read-file"], fields: fileFields("NORMAL"), calls: ["open", "openat", "openat2"] },
  ],
  [
    "file_change",
    {
      actions: [
        "changed-timestamp-of",
        "changed-file-permissions-of",
        "changed-file-ownership-of",
        "changed-file-attributes-of",
      ],
      fields: fileFields("NORMAL"),
      calls: ["utimensat", "utimes", "chmod", "fchmodat", "chown", "fchownat", "setxattr"],
    },
  ],
  ["file_rename", { actions: ["renamed"], fields: fileFields("CREATE"), calls: ["rename", "renameat", "renameat2"] }],
  ["file_delete", { actions: ["deleted"], fields: fileFields("DELETE"), calls: ["unlink", "unlinkat", "rmdir"] }],
  [
    "network_connection",
    {
      actions: ["connected-to", "accepted-connection-from"],
      fields: new Map<string, SigmaField>([
        ...ACTOR,
        ["CommandLine", is("process.command_line")],
        ["ParentImage", is("process.parent.executable")],
        ["DestinationIp", is("destination.ip")],
        ["DestinationPort", is("destination.port")],
        ["DestinationIsIpv6", isIpv6],
        ["SourceIp", is("source.ip")],
        ["SourcePort", is("source.port")],
        ["Initiated", INITIATED],
        ["DestinationHostname", never(NO_NAME)],
        ["SourceHostname", never(NO_NAME)],
        ["DestinationPortName", never("a port's number is known, its name is not")],
        ["SourcePortName", never("a port's number is known, its name is not")],
        ["Protocol", never("the event of connect does not tell what kind of socket it was")],
      ]),
      calls: ["connect", "accept", "accept4"],
    },
  ],
]);

/** Where the events of a log source come from, or why there are none. */
export type LogsourceReading = { kind: "category"; name: string } | { kind: "auditd" } | { kind: "none"; why: string };

/** Reads a log source: a category, the records of auditd, or all of Linux, of which the records are what we have. */
export function readLogsource({ product, category, service }: Logsource): LogsourceReading {
  if (product !== "" && product !== "linux")
    return { kind: "none", why: `events of product ${product} come from no host with an agent` };
  if (service !== "" && service !== "auditd")
    return { kind: "none", why: `service ${service} is a log of its own, and the agent reads kernel audit alone` };
  if (category !== "") {
    if (CATEGORIES.has(category)) return { kind: "category", name: category };
    return {
      kind: "none",
      why: `no audit events are of category ${category}; known are ${[...CATEGORIES.keys()].join(", ")}`,
    };
  }
  return { kind: "auditd" };
}

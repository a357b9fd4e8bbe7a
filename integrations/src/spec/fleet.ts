/** What fleet.yaml says, as types; see the descriptions in schema.ts. */
import type { Group, KnownHosts, Match } from "./groups.ts";

type ByArch = Partial<Record<"x64" | "arm64", string>>;

/** What a group may change. */
type AgentOverrides = {
  [Key in "auditMode" | "labels" | "integrityPaths" | "proxy"]?: FleetFile["agent"][Key];
} & { [Key in "rules" | "redaction" | "budget" | "spool"]?: Partial<FleetFile["agent"][Key]> };

/** fleet.yaml as it is read; see the descriptions in schema.ts. */
export interface FleetFile {
  version: 1;
  name: string;
  collector: { endpoints: string[]; enrollEndpoints: string[]; caFile: string };
  agent: {
    version: string;
    artifact: {
      source: "repo" | "url" | "file";
      url: string;
      directory: string;
      keyFile: string;
      sha256: { deb: ByArch; rpm: ByArch };
    };
    auditMode: "auto" | "multicast" | "unicast" | "fail-if-auditd" | "none";
    rules: { sets: string[]; ownFiles: string[]; manage: "auto" | "never"; backlogLimit: number };
    labels: Record<string, string>;
    tagLabels: Record<string, string>;
    integrityPaths: string[];
    redaction: { enabled: boolean; arguments: string; patterns: string[] };
    budget: { cpuPercent: number; memoryBytes: number };
    spool: { bytesMax: number; hoursMax: number; sync: "always" | "second" | "never" };
    proxy: string;
  };
  groups: { name: string; match: Partial<Match>; agent: AgentOverrides }[];
  hosts: KnownHosts;
  enrollment: {
    method: "token" | "aws";
    token: { ansibleVariable: string; chefDataBagItem: string; ssmParameter: string; secretsmanagerSecret: string };
  };
  stages: { serial: (number | string)[]; maxFailPercentage: number; verifyTimeoutSeconds: number };
  kernel: { commandLine: "warn" | "set" | "ignore" };
  servers: {
    version: string;
    sha256: { deb: ByArch; rpm: ByArch };
    nats: { version: string; sha256: { deb: ByArch; rpm: ByArch }; replicas: 1 | 3 | 5; streamBytesMax: number };
    database: string;
    /** Empty: the console is for the collector's own machine alone. */
    consoleUrl: string;
    admins: string[];
  };
}

/** The specification with the content of the files that it names. */
export interface Fleet extends Omit<FleetFile, "groups"> {
  groups: Group[];
  /** PEM. */
  ca: string;
  /** Rules of your own: all files in their order, each behind a line with its name. Empty for none. */
  ownRules: string;
  /** The repository's public key. Empty for none. */
  repositoryKey: string;
  /** The fleet's name, and a digest of all that makes its hosts: servers and stages may change without. The same for each host of it. */
  spec: string;
  /** SHA-256 over all of the above, hex: what is generated names it. */
  hash: string;
}

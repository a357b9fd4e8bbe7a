/** What there is to package: each product with its program, its files and its place in a Linux system. */

export type ProductName = "agent" | "collector";
export type Arch = "x64" | "arm64";
export const ARCHES: readonly Arch[] = ["x64", "arm64"];

/** A program of a product. */
export interface Program {
  /** Name of its launcher in bin/. */
  name: string;
  entry: string;
  /** File in lib/. */
  output: string;
  format: "cjs" | "esm";
  /** Packages that are copied beside the program, since they read files of their own. */
  external: readonly string[];
  /** Flags of Node. */
  flags: string;
  /** Variables of its environment. */
  environment: Readonly<Record<string, string>>;
  /** Section of its manual page. */
  section: 1 | 8;
}

export interface Product {
  /** Name of the package, its folders and its unit. */
  name: string;
  summary: string;
  description: readonly string[];
  programs: readonly Program[];
  /** Has the native addon and the keeper. */
  native: boolean;
  /** Brings the templates of the rollout modules, for `hosttrail generate`. */
  templates: boolean;
  /** Whether it comes with detection rules. */
  detection: boolean;
  /** Whether it comes with the console's pages. */
  console: boolean;
  /** Folder of packaging/ that its unit, examples and scripts come from. */
  source: string;
  /** Its system user, who is gone when the package is purged. */
  user: string;
  /** Folder in /etc, with the group that may read it. */
  configuration: { directory: string; mode: string; group: string };
  /** Folder for what it keeps, for root alone; undefined where it keeps nothing. */
  state: string | undefined;
}

/** Flags of Node for a small agent; see docs/decisions/0010-small-agent.md. */
const SMALL =
  "--max-semi-space-size=1 --max-old-space-size=96 --heap-growing-percent=30 --single-threaded-gc --decommit-pooled-pages --optimize-for-size --no-allocation-site-pretenuring --v8-pool-size=1";
/** The client of NATS makes an error with its stack for each request. A larger young generation stays resident, and made ingest no faster. */
const BUSY = "--stack-trace-limit=1 --max-semi-space-size=4";

/** Of the C library's memory: threads are few, and each arena keeps what it once had. */
const ONE_ARENA = { MALLOC_ARENA_MAX: "1" };
/** See docs/decisions/0039-connections.md. */
const MANY_CONNECTIONS = {
  ...ONE_ARENA,
  MALLOC_MMAP_THRESHOLD_: "16000",
  MALLOC_TOP_PAD_: "4096",
  MALLOC_MMAP_MAX_: "50000",
};

export const PRODUCTS: Readonly<Record<ProductName, Product>> = {
  agent: {
    name: "hosttrail-agent",
    summary: "Reads the kernel's audit events and streams them to a Hosttrail collector",
    description: [
      "The agent reads the Linux kernel's audit events, replaces secrets in them,",
      "seals them in signed blocks, keeps those on disk until they are stored, and",
      "streams them to a collector over mutual TLS.",
    ],
    programs: [
      {
        name: "hosttrail-agent",
        entry: "agent/src/main.ts",
        output: "agent.cjs",
        // CommonJS starts faster and keeps less than modules do.
        format: "cjs",
        external: [],
        flags: SMALL,
        environment: ONE_ARENA,
        section: 8,
      },
    ],
    native: true,
    templates: false,
    detection: false,
    console: false,
    source: "packaging/agent",
    user: "hosttrail-agent",
    configuration: { directory: "/etc/hosttrail-agent", mode: "0700", group: "root" },
    state: "/var/lib/hosttrail-agent",
  },
  collector: {
    name: "hosttrail-collector",
    summary: "Keeps audit events of a fleet of hosts and answers questions about them",
    description: [
      "The collector takes signed blocks of audit events from Hosttrail agents,",
      "keeps them in NATS JetStream and MongoDB, and answers questions about any",
      "host at any past moment. With the command line client hosttrail.",
    ],
    programs: [
      {
        name: "hosttrail-collector",
        entry: "collector/src/main.ts",
        output: "collector.mjs",
        format: "esm",
        external: ["@grpc/grpc-js", "@grpc/proto-loader", "@grpc/reflection", "grpc-health-check"],
        flags: BUSY,
        environment: MANY_CONNECTIONS,
        section: 8,
      },
      {
        name: "hosttrail-witness",
        entry: "collector/src/witnessmain.ts",
        output: "witness.mjs",
        format: "esm",
        external: [],
        flags: "",
        environment: ONE_ARENA,
        section: 8,
      },
      {
        name: "hosttrail",
        entry: "cli/src/main.ts",
        output: "cli.cjs",
        format: "cjs",
        external: [],
        flags: "",
        environment: ONE_ARENA,
        section: 1,
      },
    ],
    native: false,
    templates: true,
    detection: true,
    console: true,
    source: "packaging/collector",
    user: "hosttrail-collector",
    configuration: { directory: "/etc/hosttrail", mode: "0750", group: "hosttrail-collector" },
    state: undefined,
  },
};

/** Names of an architecture: Debian's, RPM's, and the prefix of Debian's cross compilers. */
export const ARCH_NAMES: Readonly<Record<Arch, { deb: string; rpm: string; prefix: string }>> = {
  x64: { deb: "amd64", rpm: "x86_64", prefix: "x86_64-linux-gnu-" },
  arm64: { deb: "arm64", rpm: "aarch64", prefix: "aarch64-linux-gnu-" },
};

/** The C++ compiler for an architecture: $CXX for this machine's own, $CXX_X64 or $CXX_ARM64 for another. */
export function compilerFor(arch: Arch): string {
  const isOwn = arch === process.arch;
  const chosen = process.env[isOwn ? "CXX" : `CXX_${arch.toUpperCase()}`] ?? "";
  return chosen === "" ? `${isOwn ? "" : ARCH_NAMES[arch].prefix}g++` : chosen;
}

/** What takes symbols from programs of an architecture. */
export function stripFor(arch: Arch): string {
  return `${arch === process.arch ? "" : ARCH_NAMES[arch].prefix}strip`;
}

/** Where the pinned Node of an architecture is kept, once npm has brought it. */
export function runtimeFolder(arch: Arch): string {
  return new URL(`../../.hosttrail/node/${arch}`, import.meta.url).pathname;
}

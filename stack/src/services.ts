/** NATS and a MongoDB wire server: given, found on PATH, or built from the pinned Go modules beside this package. */
import { execFileSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { Child } from "./child.ts";
import { CHANGES, patchedModule } from "./patch.ts";
import { freePort, waitForPort } from "./ports.ts";

const PACKAGE = new URL("..", import.meta.url).pathname;
/** Below 2.10.23 a killed server could lose whole streams. */
const NATS_MINIMUM = [2, 10, 23] as const;

/** A server that a stack uses. `child` is there where we run it ourselves. */
export interface Service {
  /** Of several servers, with commas between. */
  url: string;
  what: string;
  child: Child | undefined;
  /** Where it is a cluster of our own. */
  nodes?: readonly NatsNode[];
  /** Starts it (again) and waits until it answers. */
  start(): Promise<void>;
}

/** Tells a person what is going on. */
export type Say = (text: string) => void;

function findOnPath(name: string): string | undefined {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

function natsVersionFits(path: string): boolean {
  const match = /v(\d+)\.(\d+)\.(\d+)/.exec(execFileSync(path, ["--version"], { encoding: "utf8" }));
  if (match === null) return false;
  const version = match.slice(1).map(Number);
  for (const [at, minimum] of NATS_MINIMUM.entries()) {
    const part = version[at] ?? 0;
    if (part !== minimum) return part > minimum;
  }
  return true;
}

/** Builds a Go program once; the stamp is the content of its files and what we change in it. */
function build(name: "nats" | "ferretdb", tools: string, say: Say): string {
  const source = join(PACKAGE, "services", name);
  const binary = join(tools, name === "nats" ? "nats-server" : "ferretdb");
  const stamp = readdirSync(source)
    .map((file) => readFileSync(join(source, file), "utf8"))
    .concat(name === "ferretdb" ? JSON.stringify(CHANGES) : [])
    .join("\n");
  if (existsSync(binary) && existsSync(`${binary}.stamp`) && readFileSync(`${binary}.stamp`, "utf8") === stamp)
    return binary;
  const go = findOnPath("go");
  if (go === undefined) throw new Error(missing(name));
  say(`building ${name === "nats" ? "nats-server" : "FerretDB"} from its pinned Go module (about a minute, once)`);
  mkdirSync(tools, { recursive: true });
  const target = name === "nats" ? "github.com/nats-io/nats-server/v2" : ".";
  const modules = name === "ferretdb" ? [`-modfile=${patchedModule(go, source, `${binary}-source`)}`] : [];
  execFileSync(go, ["build", "-trimpath", "-mod=readonly", ...modules, "-o", binary, target], {
    cwd: source,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, GOFLAGS: "-buildvcs=false", CGO_ENABLED: "0" },
  });
  writeFileSync(`${binary}.stamp`, stamp);
  return binary;
}

function missing(name: "nats" | "ferretdb"): string {
  const [what, variable, program] =
    name === "nats"
      ? ["NATS with JetStream", "HOSTTRAIL_NATS_URL", "nats-server (2.10.23 or newer)"]
      : ["a MongoDB server", "HOSTTRAIL_MONGODB_URL", "mongod"];
  return [
    `${what} is needed, and there are three ways to it:`,
    `  1. set ${variable} to the URL of one that runs`,
    `  2. put ${program} on PATH`,
    "  3. put go on PATH (1.21 or newer; it fetches the newer one that the module asks for), and it is built from a pinned module",
  ].join("\n");
}

/** Builds what would be built at the first start, for those who will have no way out then. */
export function prepareServices(tools: string, say: Say): { natsServer: string } {
  const natsServer = natsProgram({ tools, say }).binary;
  const given = (process.env["HOSTTRAIL_MONGODB_URL"] ?? "") !== "";
  if (!given && findOnPath("mongod") === undefined) build("ferretdb", tools, say);
  return { natsServer };
}

export interface ServiceOptions {
  /** Data and logs of this stack. */
  directory: string;
  /** Where built programs are kept. */
  tools: string;
  say: Say;
  /** Address to listen at; this machine's own where none is given. */
  address?: string;
  /** How often the embedded database looks for room to give back, as a duration of Go; its own default where none is given. */
  roomInterval?: string;
  /** More lines of nats-server's configuration. */
  nats?: readonly string[];
  /** The embedded database speaks TLS alone, with these files, and lets in whose certificate is of `authoritiesFile`. */
  databaseTls?: { certificateFile: string; keyFile: string; authoritiesFile: string };
}

/** The program, built where PATH has none that fits. */
function natsProgram({ tools, say }: Pick<ServiceOptions, "tools" | "say">): { binary: string; what: string } {
  const onPath = findOnPath("nats-server");
  if (onPath !== undefined && natsVersionFits(onPath))
    return { binary: onPath, what: `nats-server from PATH (${onPath})` };
  return { binary: build("nats", tools, say), what: "nats-server built from its Go module" };
}

/** A node of a cluster. */
export interface NatsNode {
  name: string;
  url: string;
  child: Child;
  /** Where it keeps its streams. */
  store: string;
}

/** Several servers that keep copies of each other's streams; always our own. */
export async function natsCluster(options: ServiceOptions, count: number): Promise<Service> {
  const { binary, what } = natsProgram(options);
  const ports = await Promise.all(Array.from({ length: 2 * count }, () => freePort()));
  const routes = ports.slice(count).map((port) => `"nats://127.0.0.1:${port}"`);
  const nodes = ports.slice(0, count).map((port, at): NatsNode => {
    const name = `nats-${at + 1}`;
    const store = join(options.directory, name);
    mkdirSync(store, { recursive: true });
    const file = join(options.directory, `${name}.conf`);
    const lines = [
      `server_name: ${name}`,
      `listen: "127.0.0.1:${port}"`,
      `jetstream { store_dir: "${store}" }`,
      `cluster { name: hosttrail, listen: "127.0.0.1:${ports[count + at]}", routes: [${routes.join(", ")}] }`,
      ...(options.nats ?? []),
    ];
    writeFileSync(file, `${lines.join("\n")}\n`);
    const child = new Child({ name, command: binary, args: ["-c", file], directory: options.directory });
    return { name, url: `nats://127.0.0.1:${port}`, child, store };
  });
  const start = async (): Promise<void> => {
    for (const { child } of nodes) if (!child.running) child.start();
    for (const { url, child } of nodes)
      await waitForPort(Number(new URL(url).port), "NATS", () => child.assertRunning());
  };
  return { url: nodes.map(({ url }) => url).join(","), what: `${count} of ${what}`, child: undefined, nodes, start };
}

export async function natsService(options: ServiceOptions): Promise<Service> {
  const given = process.env["HOSTTRAIL_NATS_URL"];
  if (given !== undefined && given !== "") {
    return { url: given, what: "NATS as HOSTTRAIL_NATS_URL says", child: undefined, start: async () => undefined };
  }
  const { binary, what } = natsProgram(options);
  const port = await freePort();
  const store = join(options.directory, "nats");
  mkdirSync(store, { recursive: true });
  const configFile = join(options.directory, "nats.conf");
  writeFileSync(
    configFile,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${store}" }\n${(options.nats ?? []).map((line) => `${line}\n`).join("")}`,
  );
  const child = new Child({ name: "nats", command: binary, args: ["-c", configFile], directory: options.directory });
  return {
    url: `nats://127.0.0.1:${port}`,
    what,
    child,
    async start() {
      child.start();
      await waitForPort(port, "NATS", () => child.assertRunning());
    },
  };
}

export async function mongodbService(options: ServiceOptions): Promise<Service> {
  const given = process.env["HOSTTRAIL_MONGODB_URL"];
  if (given !== undefined && given !== "") {
    return {
      url: given,
      what: "MongoDB as HOSTTRAIL_MONGODB_URL says",
      child: undefined,
      start: async () => undefined,
    };
  }
  const mongod = findOnPath("mongod");
  const port = await freePort();
  const address = options.address ?? "127.0.0.1";
  const data = join(options.directory, "mongodb");
  mkdirSync(data, { recursive: true });
  const child = new Child(
    mongod === undefined
      ? {
          name: "mongodb",
          command: build("ferretdb", options.tools, options.say),
          args: ["-listen", `${address}:${port}`, "-directory", data].concat(
            options.roomInterval === undefined ? [] : ["-room-interval", options.roomInterval],
            options.databaseTls === undefined ? [] : tlsFlags(options.databaseTls),
          ),
          directory: options.directory,
        }
      : {
          name: "mongodb",
          command: mongod,
          args: ["--bind_ip", address, "--port", String(port), "--dbpath", data],
          directory: options.directory,
        },
  );
  return {
    url: `mongodb://${address}:${port}`,
    what: mongod === undefined ? "FerretDB (SQLite) built from its Go module" : `mongod from PATH (${mongod})`,
    child,
    async start() {
      child.start();
      await waitForPort(port, "the database", () => child.assertRunning(), 60_000, address);
    },
  };
}

function tlsFlags(files: NonNullable<ServiceOptions["databaseTls"]>): string[] {
  const { certificateFile, keyFile, authoritiesFile } = files;
  return ["-tls-certificate", certificateFile, "-tls-key", keyFile, "-tls-authorities", authoritiesFile];
}

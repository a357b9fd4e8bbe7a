/** Everything that a run needs, each part on a machine of its own: three nodes of NATS, a database, two of each role, and the hosts. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child, DevelopmentCa, prepareServices, waitForPort } from "@hosttrail/stack";
import { stringify } from "yaml";
import { hostIdOf } from "../publisher.ts";
import { SmallDisk } from "./disk.ts";
import { Network } from "./network.ts";
import { type AgentsPlan, ALL_STORED } from "./work.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const TOOLS = join(ROOT, ".hosttrail", "tools");
const COLLECTOR = join(ROOT, "collector", "src", "main.ts");
const AGENTS = join(ROOT, "e2e", "chaos", "agents.ts");
const NATS_NODES = ["nats-1", "nats-2", "nats-3"] as const;
const SITES = ["site-a", "site-b"] as const;
const HOMES = ["hosts-a", "hosts-b"] as const;
/** Roles of a site's processes. */
const PARTS = { ingest: ["ingest"], store: ["store", "compact"], brain: ["detect", "notify", "query"] } as const;
const [NATS_PORT, ROUTE_PORT, DATABASE_PORT, INGEST_PORT, QUERY_PORT, METRICS_PORT, MONITOR_PORT] = [
  4222, 6222, 27_017, 7443, 7444, 9464, 8222,
];
const LOOK_MS = 500;
const DISK_MEGABYTES = { nats: 512, database: 512, hosts: 64 };

/** A program that can be killed, on its machine, with its disk. */
export interface Part {
  name: string;
  kind: "nats" | "database" | "collector" | "hosts";
  machine: string;
  child: Child;
  disk: SmallDisk | undefined;
}

export interface WorldOptions {
  hosts: number;
  startMs: number;
  /** Events of each host. */
  events: number;
}

export class World implements AsyncDisposable {
  readonly directory: string;
  readonly network: Network;
  readonly parts: readonly Part[];
  readonly databaseUrl: string;
  readonly natsUrls: readonly string[];
  readonly database = "chaos";
  /** Of a query process that is told first. */
  readonly profileFile: string;
  readonly hostIds: readonly string[];
  readonly #disks: SmallDisk[];

  private constructor(parts: {
    directory: string;
    network: Network;
    parts: Part[];
    disks: SmallDisk[];
    profileFile: string;
    hostIds: string[];
  }) {
    this.directory = parts.directory;
    this.network = parts.network;
    this.parts = parts.parts;
    this.#disks = parts.disks;
    this.profileFile = parts.profileFile;
    this.hostIds = parts.hostIds;
    this.databaseUrl = `mongodb://${this.network.machine("database").address}:${DATABASE_PORT}`;
    this.natsUrls = NATS_NODES.map((name) => `nats://${this.network.machine(name).address}:${NATS_PORT}`);
  }

  static async prepare(options: WorldOptions): Promise<World> {
    const directory = mkdtempSync(join(tmpdir(), "hosttrail-chaos-"));
    const say = (text: string): void => void process.stderr.write(`▸ ${text}\n`);
    const { natsServer } = prepareServices(TOOLS, say);
    const network = new Network([...NATS_NODES, "database", ...SITES, ...HOMES]);
    const disks: SmallDisk[] = [];
    const diskOf = (name: string, megabytes: number): SmallDisk => {
      const disk = new SmallDisk(join(directory, `disk-${name}`), megabytes);
      disks.push(disk);
      return disk;
    };
    try {
      const nats = NATS_NODES.map((name) =>
        natsPart(name, natsServer, directory, network, diskOf(name, DISK_MEGABYTES.nats)),
      );
      const database = databasePart(directory, network, diskOf("database", DISK_MEGABYTES.database));
      const authority = new Authority(directory, [...SITES.map((site) => network.machine(site).address), "localhost"]);
      const collectors = SITES.flatMap((site) =>
        Object.entries(PARTS).map(([part, roles]) =>
          collectorPart(site, part, roles, { directory, network, authority }),
        ),
      );
      const ca = await DevelopmentCa.open(authority.directory, authority.directory);
      const hostIds = Array.from({ length: options.hosts }, (_, number) => hostIdOf(`chaos-${number}`));
      const hosts = await Promise.all(
        HOMES.map((home, at) =>
          hostsPart(home, at, hostIds, options, {
            directory,
            network,
            authority,
            ca,
            disk: diskOf(home, DISK_MEGABYTES.hosts),
          }),
        ),
      );
      const profileFile = join(directory, "profile.yaml");
      const user = join(authority.directory, "dev");
      const endpoint = `${network.machine("site-a").address}:${QUERY_PORT}`;
      writeFileSync(
        profileFile,
        stringify({ endpoint, ca_file: authority.trust, certificate_file: `${user}.crt`, key_file: `${user}.key` }),
        { mode: 0o600 },
      );
      return new World({
        directory,
        network,
        parts: [...nats, database, ...collectors, ...hosts],
        disks,
        profileFile,
        hostIds,
      });
    } catch (error) {
      for (const disk of disks) disk[Symbol.dispose]();
      network[Symbol.dispose]();
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Where each server of NATS tells of itself. */
  get monitorUrls(): string[] {
    return NATS_NODES.map((name) => `http://${this.network.machine(name).address}:${MONITOR_PORT}`);
  }

  /** NATS and the database. */
  async startServices(): Promise<void> {
    for (const { kind, child } of this.parts) if (kind === "nats" || kind === "database") child.start();
    for (const { name, kind, child } of this.parts) {
      if (kind !== "nats" && kind !== "database") continue;
      const port = kind === "nats" ? NATS_PORT : DATABASE_PORT;
      await waitForPort(port, name, () => child.assertRunning(), 60_000, this.network.machine(name).address);
    }
  }

  async startCollectors(): Promise<void> {
    for (const { kind, child } of this.parts) if (kind === "collector") child.start();
    await this.ready();
  }

  /** Waits until collectors take calls. */
  async ready(): Promise<void> {
    for (const site of SITES) {
      const { address } = this.network.machine(site);
      for (const port of [INGEST_PORT, QUERY_PORT]) await waitForPort(port, site, () => undefined, 60_000, address);
    }
  }

  startHosts(): void {
    for (const { kind, child } of this.parts) if (kind === "hosts") child.start();
  }

  /** Waits until all hosts have made and stored what they had to; gives up where `progress` stays what it is for `quietMs`. */
  async hostsDone(progress: () => Promise<bigint>, quietMs: number): Promise<void> {
    const hosts = this.parts.filter(({ kind }) => kind === "hosts");
    const working = (): string[] => hosts.flatMap(({ name, child }) => (child.running ? [name] : []));
    let [last, sinceMs] = [0n, performance.now()];
    while (working().length > 0) {
      await sleep(LOOK_MS);
      // A database that is just coming back tells of none.
      const now = await progress().catch(() => last);
      if (now !== last) [last, sinceMs] = [now, performance.now()];
      else if (performance.now() - sinceMs > quietMs)
        throw new Error(`${working().join(", ")}: nothing more is stored for ${quietMs / 1000} s`);
    }
    for (const { name, child } of hosts)
      if (!child.logTail(1).includes(ALL_STORED)) throw new Error(`${name} failed:\n${child.logTail(15)}`);
  }

  /** Throws where a server or a collector has ended by itself. */
  assertRunning(): void {
    for (const { kind, child } of this.parts) if (kind !== "hosts") child.assertRunning();
  }

  /** All of a kind die at once; something is done to each while they are gone, and they come back. */
  async whileDown(kind: Part["kind"], change: (part: Part) => void): Promise<void> {
    const parts = this.parts.filter((part) => part.kind === kind);
    await Promise.all(parts.map(({ child }) => child.kill("SIGKILL")));
    for (const part of parts) change(part);
    for (const { child } of parts) child.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.parts.map(async ({ child }) => {
        if (child.pid !== undefined) await child.kill("SIGKILL");
      }),
    );
    for (const disk of this.#disks) disk[Symbol.dispose]();
    this.network[Symbol.dispose]();
    if (process.env["HOSTTRAIL_E2E_KEEP"] === undefined) rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The authority of a run, and the files that come from it. */
class Authority {
  readonly directory: string;

  constructor(directory: string, names: readonly string[]) {
    this.directory = join(directory, "authority");
    this.#run("init");
    this.#run("server", ...names, "--output", this.server);
    this.#run("user", "dev", "--output", join(this.directory, "dev"));
  }

  get trust(): string {
    return join(this.directory, "trust.crt");
  }

  get server(): string {
    return join(this.directory, "collector");
  }

  #run(...words: string[]): void {
    execFileSync(process.execPath, [COLLECTOR, "ca", ...words, "--directory", this.directory]);
  }
}

function natsPart(name: string, binary: string, directory: string, network: Network, disk: SmallDisk): Part {
  const { address, prefix } = network.machine(name);
  const routes = NATS_NODES.map((node) => `"nats://${network.machine(node).address}:${ROUTE_PORT}"`);
  const file = join(directory, `${name}.conf`);
  const lines = [
    `server_name: ${name}`,
    `listen: "${address}:${NATS_PORT}"`,
    `http: "${address}:${MONITOR_PORT}"`,
    `jetstream { store_dir: "${join(disk.path, "store")}", max_file_store: 384MB }`,
    `cluster { name: chaos, listen: "${address}:${ROUTE_PORT}", routes: [${routes.join(", ")}] }`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return { name, kind: "nats", machine: name, child: childOf(name, prefix, [binary, "-c", file], directory), disk };
}

function databasePart(directory: string, network: Network, disk: SmallDisk): Part {
  const { address, prefix } = network.machine("database");
  const data = join(disk.path, "data");
  mkdirSync(data);
  const words = [join(TOOLS, "ferretdb"), "-listen", `${address}:${DATABASE_PORT}`, "-directory", data];
  return {
    name: "database",
    kind: "database",
    machine: "database",
    child: childOf("database", prefix, words, directory),
    disk,
  };
}

function collectorPart(
  site: string,
  part: string,
  roles: readonly string[],
  { directory, network, authority }: { directory: string; network: Network; authority: Authority },
): Part {
  const { address, prefix } = network.machine(site);
  const name = `${site}-${part}`;
  const file = join(directory, `${name}.yaml`);
  const metricsPort = METRICS_PORT + Object.keys(PARTS).indexOf(part);
  const config = {
    roles: [...roles],
    log_level: "info",
    tls: { ca_file: authority.trust, certificate_file: `${authority.server}.crt`, key_file: `${authority.server}.key` },
    ingest: { listen: `${address}:${INGEST_PORT}`, hosts: "certified" },
    query: { listen: `${address}:${QUERY_PORT}`, workers: 1 },
    // Often enough to end soon after the faults, and not so often that the database does little else.
    compact: { turn_ms: 5000, age_ms: 30_000 },
    detect: { lease_ms: 3000, checkpoint_ms: 1000 },
    access: { bindings: [{ subject: "certificate:dev", role: "admin" }] },
    metrics: { listen: `${address}:${metricsPort}` },
    nats: {
      servers: NATS_NODES.map((node) => `nats://${network.machine(node).address}:${NATS_PORT}`),
      replicas: 3,
      streams: 3,
      stream_bytes_max: 64 * 1024 * 1024,
      ack_wait_ms: 5000,
    },
    mongodb: { url: `mongodb://${network.machine("database").address}:${DATABASE_PORT}`, database: "chaos" },
  };
  writeFileSync(file, stringify(config), { mode: 0o600 });
  const words = [process.execPath, "--stack-trace-limit=1", COLLECTOR, "--config", file];
  return { name, kind: "collector", machine: site, child: childOf(name, prefix, words, directory), disk: undefined };
}

async function hostsPart(
  home: string,
  at: number,
  hostIds: readonly string[],
  options: WorldOptions,
  parts: { directory: string; network: Network; authority: Authority; ca: DevelopmentCa; disk: SmallDisk },
): Promise<Part> {
  const { directory, network, authority, ca, disk } = parts;
  const hosts: AgentsPlan["hosts"] = [];
  for (const [number, hostId] of hostIds.entries()) {
    if (number % HOMES.length !== at) continue;
    const name = `chaos-${number}`;
    hosts.push({ number, hostId, name, ...(await ca.host(hostId, name)) });
  }
  const plan: AgentsPlan = {
    endpoints: SITES.map((site) => `${network.machine(site).address}:${INGEST_PORT}`),
    caFile: authority.trust,
    directory: disk.path,
    hosts,
    startMs: options.startMs,
    events: options.events,
  };
  const file = join(directory, `${home}.json`);
  writeFileSync(file, JSON.stringify(plan));
  const words = [process.execPath, AGENTS, file];
  return {
    name: home,
    kind: "hosts",
    machine: home,
    child: childOf(home, network.machine(home).prefix, words, directory),
    disk,
  };
}

function childOf(name: string, prefix: readonly string[], words: readonly string[], directory: string): Child {
  const [command = "", ...args] = [...prefix, ...words];
  return new Child({ name, command, args, directory });
}

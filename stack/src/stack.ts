/** A whole Hosttrail on this machine: NATS, database, collector, agent, each a process of its own. */
import { execFileSync } from "node:child_process";
import { createPublicKey, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadAgentConfig } from "@hosttrail/agent/config";
import { openIdentity } from "@hosttrail/agent/identity";
import { hostIdOf } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import { parse, stringify } from "yaml";
import { DevelopmentCa, type Identity } from "./certificates.ts";
import { Child } from "./child.ts";
import { freePort, waitForPort } from "./ports.ts";
import { mongodbService, natsCluster, natsService, type Say, type Service } from "./services.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
/** Runs the agent as systemd would: keeps its socket and starts it again after a crash. */
const KEEPER = join(ROOT, "agent", "native", "build", "hosttrail-agent-keeper");
const COLLECTOR = join(ROOT, "collector", "src", "main.ts");
const CLI = join(ROOT, "cli", "src", "main.ts");
/** A collector reads some hundred files at its start, beside whatever else the machine does. */
const START_TIMEOUT_MS = 90_000;
const TOKEN_ATTEMPTS_MAX = 5;
const TOKEN_RETRY_MS = 500;

export interface StackOptions {
  /** Everything of the stack lies here; it may be deleted afterwards. */
  directory: string;
  /** Where built programs are kept from run to run. */
  tools: string;
  say: Say;
  /** Parts of agent.yaml that differ from the stack's own, by section. */
  agent?: Readonly<Record<string, unknown>>;
  /** Parts of collector.yaml that differ, by section. */
  collector?: Readonly<Record<string, unknown>>;
  /** More lines of nats-server's configuration. */
  nats?: readonly string[];
  /** Servers of NATS, of which each has a copy of what the others have; one by default, which may be one that is given. */
  natsNodes?: number;
  /** The collector's program, as packagedCollector gives it; by default the source runs. */
  collectorProgram?: string;
  /** Address that the collector listens at, for test hosts in networks of their own; else only this machine reaches it. */
  address?: string;
}

/** The agent stays small; the collector's client of NATS makes an error with its stack for each request. */
const NODE_FLAGS = {
  agent: ["--max-semi-space-size=2", "--max-old-space-size=64"],
  collector: ["--stack-trace-limit=1", "--max-semi-space-size=4"],
} as const;

/** Its parts start and stop one by one, so that tests can kill each of them. */
export class Stack {
  readonly database: string = `hosttrail_${randomBytes(6).toString("hex")}`;
  readonly ca: DevelopmentCa;
  /** The agent's identity; its files are there once it has enrolled. */
  readonly host: Identity;
  /** An administrator. */
  readonly user: Identity;
  readonly nats: Service;
  readonly mongodb: Service;
  readonly collector: Child;
  readonly agent: Child;
  readonly ingestPort: number;
  readonly queryPort: number;
  readonly metricsPort: number;
  readonly enrollPort: number;
  readonly consolePort: number;
  /** The collector's authority: ca.crt, ca.key, trust.crt. */
  readonly authority: string;
  readonly agentConfigFile: string;
  readonly profileFile: string;
  readonly #directory: string;
  readonly #listen: string;
  readonly #others: Child[] = [];

  private constructor(parts: {
    options: StackOptions;
    authority: string;
    ca: DevelopmentCa;
    user: Identity;
    server: Identity;
    nats: Service;
    mongodb: Service;
    ports: readonly [number, number, number, number, number];
  }) {
    const { options, ca, nats, mongodb } = parts;
    const { directory } = options;
    this.#directory = directory;
    this.#listen = options.address === undefined ? "127.0.0.1" : "0.0.0.0";
    [this.ingestPort, this.queryPort, this.metricsPort, this.enrollPort, this.consolePort] = parts.ports;
    this.authority = parts.authority;
    this.ca = ca;
    const identity = join(directory, "agent-state", "identity");
    this.host = { certificateFile: join(identity, "host.crt"), keyFile: join(identity, "host.key") };
    this.user = parts.user;
    this.nats = nats;
    this.mongodb = mongodb;
    this.agentConfigFile = join(directory, "agent.yaml");
    this.profileFile = join(directory, "profile.yaml");
    const collectorConfigFile = join(directory, "collector.yaml");
    writeConfig(collectorConfigFile, this.#collectorConfig(parts.server), options.collector);
    writeConfig(this.agentConfigFile, this.#agentConfig(directory), options.agent);
    writeConfig(this.profileFile, this.profile(this.user));
    const { collectorProgram: packaged } = options;
    this.collector =
      packaged === undefined
        ? program("collector", directory, collectorConfigFile)
        : new Child({ name: "collector", command: packaged, args: ["--config", collectorConfigFile], directory });
    this.agent = program("agent", directory, this.agentConfigFile, [KEEPER]);
  }

  /** Prepares everything; nothing runs yet. */
  static async prepare(options: StackOptions): Promise<Stack> {
    const { directory } = options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { tools, say } = options;
    const { natsNodes = 1 } = options;
    const natsOptions = { directory, tools, say, nats: options.nats ?? [] };
    const nats = natsNodes > 1 ? await natsCluster(natsOptions, natsNodes) : await natsService(natsOptions);
    const mongodb = await mongodbService({ directory, tools, say });
    const certificates = join(directory, "certificates");
    mkdirSync(certificates, { recursive: true, mode: 0o700 });
    const authority = join(directory, "authority");
    runAuthority(authority, "init");
    const names = ["localhost", "127.0.0.1", ...(options.address === undefined ? [] : [options.address])];
    runAuthority(authority, "server", ...names, "--output", join(certificates, "collector"));
    runAuthority(authority, "user", "dev", "--output", join(certificates, "user-dev"));
    const pair = (name: string): Identity => ({
      certificateFile: join(certificates, `${name}.crt`),
      keyFile: join(certificates, `${name}.key`),
    });
    const ca = await DevelopmentCa.open(certificates, authority);
    const ports = await Promise.all([freePort(), freePort(), freePort(), freePort(), freePort()] as const);
    const [user, server] = [pair("user-dev"), pair("collector")];
    return new Stack({ options, authority, ca, user, server, nats, mongodb, ports });
  }

  /** Runs `hosttrail-collector ca …` on the stack's authority. */
  authorityCommand(...words: string[]): void {
    runAuthority(this.authority, ...words);
  }

  /** Where the collector's certificate and key lie, without their endings. */
  get serverPath(): string {
    return join(this.#directory, "certificates", "collector");
  }

  /** The agent's host id: from its key, which it makes when it starts first. */
  get hostId(): string {
    return hostIdOf(createPublicKey(readFileSync(this.host.keyFile)));
  }

  /** Enrols the agent's identity without the agent, for tests that speak in its place. */
  async enroll(): Promise<void> {
    const about = { hostName: "test", bootId: "" };
    const identity = openIdentity(loadAgentConfig(this.agentConfigFile), about, openLogger("test", "error"));
    await identity.credentials();
    identity.close();
  }

  /** Where browsers find the console. */
  get consoleUrl(): string {
    return `https://localhost:${this.consolePort}`;
  }

  #collectorConfig(server: Identity): Record<string, unknown> {
    return {
      roles: ["all"],
      log_level: "info",
      tls: {
        ca_file: join(this.authority, "trust.crt"),
        certificate_file: server.certificateFile,
        key_file: server.keyFile,
      },
      ingest: { listen: `${this.#listen}:${this.ingestPort}` },
      query: { listen: `${this.#listen}:${this.queryPort}` },
      enroll: { listen: `${this.#listen}:${this.enrollPort}` },
      ca: { certificate_file: join(this.authority, "ca.crt"), key_file: join(this.authority, "ca.key") },
      access: { bindings: [{ subject: "certificate:dev", role: "admin" }] },
      console: { listen: `${this.#listen}:${this.consolePort}`, public_url: this.consoleUrl },
      metrics: { listen: `127.0.0.1:${this.metricsPort}` },
      nats: { servers: this.nats.url.split(",") },
      mongodb: { url: this.mongodb.url, database: this.database },
    };
  }

  #agentConfig(directory: string): Record<string, unknown> {
    return {
      state_directory: join(directory, "agent-state"),
      runtime_directory: join(directory, "agent-run"),
      collector: {
        endpoints: [`localhost:${this.ingestPort}`],
        ca_file: join(this.authority, "ca.crt"),
      },
      enroll: { endpoints: [`localhost:${this.enrollPort}`], token_file: join(directory, "enrollment-token") },
      block: { linger_ms: 250 },
      audit: { on_stop: "release", rules_directory: "" },
    };
  }

  /** A CLI profile for an identity. */
  profile(identity: Identity): Record<string, string> {
    return {
      endpoint: `localhost:${this.queryPort}`,
      ca_file: join(this.authority, "trust.crt"),
      certificate_file: identity.certificateFile,
      key_file: identity.keyFile,
    };
  }

  async startServices(): Promise<void> {
    await this.#orStop(async () => {
      await Promise.all([this.nats.start(), this.mongodb.start()]);
    });
  }

  async startCollector(): Promise<void> {
    await this.#orStop(async () => {
      this.collector.start();
      for (const port of [this.ingestPort, this.queryPort, this.enrollPort])
        await waitForPort(port, "the collector", () => this.collector.assertRunning(), START_TIMEOUT_MS);
      if (!existsSync(this.host.keyFile)) await this.#giveToken();
    });
  }

  /** What runs would keep the process of whoever started it from ending. */
  async #orStop(start: () => Promise<void>): Promise<void> {
    try {
      await start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Another collector beside the first one, on the same NATS and database; `changes` are parts of its configuration, `main` its program,
   * where that is not the source.
   */
  async startAnotherCollector(
    changes: Readonly<Record<string, unknown>> = {},
    main?: string,
  ): Promise<{ ingestPort: number; queryPort: number; enrollPort: number; consolePort: number; process: Child }> {
    const { ports, roles, child } = await this.planAnotherCollector(changes, main);
    child.start();
    const { ingest, query, enroll, console } = ports;
    for (const [role, port] of Object.entries({ ingest, query, enroll, console })) {
      if (!roles.includes(role) && !roles.includes("all")) continue;
      await waitForPort(port, "the other collector", () => child.assertRunning(), START_TIMEOUT_MS);
    }
    return { ingestPort: ingest, queryPort: query, enrollPort: enroll, consolePort: console, process: child };
  }

  /** The same, not started yet: others may have to know its ports before. */
  async planAnotherCollector(
    changes: Readonly<Record<string, unknown>> = {},
    main?: string,
  ): Promise<{
    ports: { ingest: number; query: number; enroll: number; metrics: number; console: number };
    roles: readonly string[];
    child: Child;
  }> {
    const [ingest, query, enroll, metrics, console] = await Promise.all([
      freePort(),
      freePort(),
      freePort(),
      freePort(),
      freePort(),
    ]);
    const file = join(this.#directory, `collector-${ingest}.yaml`);
    const config = parse(readFileSync(join(this.#directory, "collector.yaml"), "utf8")) as Record<string, unknown>;
    writeConfig(file, config, {
      ingest: { listen: `127.0.0.1:${ingest}` },
      query: { listen: `127.0.0.1:${query}` },
      enroll: { listen: `127.0.0.1:${enroll}` },
      metrics: { listen: `127.0.0.1:${metrics}` },
      console: { listen: `127.0.0.1:${console}` },
      ...changes,
    });
    const child = program("collector", this.#directory, file, [], `collector-${ingest}`, main);
    this.#others.push(child);
    const roles = (changes["roles"] ?? config["roles"]) as readonly string[];
    return { ports: { ingest, query, enroll, metrics, console }, roles, child };
  }

  /** Changes collector.yaml by section, before the collector starts. */
  changeCollectorConfig(changes: Readonly<Record<string, unknown>>): void {
    const file = join(this.#directory, "collector.yaml");
    writeConfig(file, parse(readFileSync(file, "utf8")) as Record<string, unknown>, changes);
  }

  /** Writes a file like collector.yaml with other settings; its path. */
  writeCollectorConfig(changes: Readonly<Record<string, unknown>>, name: string): string {
    const file = join(this.#directory, `collector-${name}.yaml`);
    const config = parse(readFileSync(join(this.#directory, "collector.yaml"), "utf8")) as Record<string, unknown>;
    writeConfig(file, config, changes);
    return file;
  }

  /** An administrator makes a token, with which the agent enrols; once more where the collector has not found its database yet. */
  async #giveToken(): Promise<void> {
    const { token_file: file } = this.#agentConfig(this.#directory)["enroll"] as { token_file: string };
    for (let attempt = 1; ; attempt++) {
      try {
        this.hosttrail("token", "create", "--label", "env=dev", "--output", file);
        return;
      } catch (error) {
        // Why it failed stands in the collector's log.
        if (attempt === TOKEN_ATTEMPTS_MAX)
          throw new Error(`no token was made; the collector says:\n${this.collector.logTail()}`, { cause: error });
        await sleep(TOKEN_RETRY_MS);
      }
    }
  }

  /** Runs the CLI as an administrator; returns what it prints. */
  hosttrail(...words: string[]): string {
    return execFileSync(process.execPath, [CLI, "--profile", this.profileFile, ...words], {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
  }

  startAgent(): void {
    this.agent.start();
  }

  /** Kills the agent by SIGKILL; its keeper starts it again. */
  killAgent(): void {
    process.kill(this.#agentPid(), "SIGKILL");
  }

  #agentPid(): number {
    const keeper = this.agent.pid;
    const children = readFileSync(`/proc/${keeper}/task/${keeper}/children`, "utf8").trim();
    if (!/^\d+$/.test(children)) throw new Error(`the agent's keeper has no one child: "${children}"`);
    return Number(children);
  }

  /** Stops the agent's process (SIGSTOP) while something runs; it goes on afterwards, whatever happened. */
  async whileAgentStopped<Result>(run: () => Promise<Result>): Promise<Result> {
    const agent = this.#agentPid();
    process.kill(agent, "SIGSTOP");
    try {
      return await run();
    } finally {
      process.kill(agent, "SIGCONT");
    }
  }

  /** Stops all, the agent first so that it can hand over what it has. Safe twice. */
  async stop(): Promise<void> {
    await this.agent.stop();
    await Promise.all([this.collector, ...this.#others].map((child) => child.stop()));
    const servers = [this.nats.child, this.mongodb.child, ...(this.nats.nodes ?? []).map(({ child }) => child)];
    await Promise.all(servers.map(async (child) => await child?.stop()));
  }
}

function runAuthority(directory: string, ...words: string[]): void {
  execFileSync(process.execPath, [COLLECTOR, "ca", ...words, "--directory", directory]);
}

/** `wrapper` is a command that runs the program. */
function program(
  name: "agent" | "collector",
  directory: string,
  configFile: string,
  wrapper: string[] = [],
  called: string = name,
  main: string = join(ROOT, name, "src", "main.ts"),
): Child {
  const words = [...wrapper, process.execPath, ...NODE_FLAGS[name], main, "--config", configFile];
  return new Child({ name: called, command: words[0] ?? "", args: words.slice(1), directory });
}

/** Writes a config file; sections of `changes` are merged into the stack's own. */
function writeConfig(
  file: string,
  own: Record<string, unknown>,
  changes: Readonly<Record<string, unknown>> = {},
): void {
  const merged: Record<string, unknown> = { ...own };
  for (const [section, value] of Object.entries(changes)) {
    const before = merged[section];
    merged[section] = isMap(before) && isMap(value) ? { ...before, ...value } : value;
  }
  writeFileSync(file, stringify(merged), { mode: 0o600 });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

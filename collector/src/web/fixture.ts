/** For tests: a console on loopback with an authority of its own, a few services behind a real gate, and what is kept in memory. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as requestFirst } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { openLogger } from "@hosttrail/lib/log";
import { AccessServiceService, GetCallerRequest, type Caller as CallerMessage } from "@hosttrail/proto/access";
import { AlertServiceService, WatchAlertsRequest, type WatchAlertsResponse } from "@hosttrail/proto/alert";
import { Access, HostScopes, makeSecret, type Role } from "../access/index.ts";
import { initAuthority, issueServer, issueUser } from "../authority/index.ts";
import type { ApiToken, AuditEntry, ConsoleSession, LoginLink } from "../model/index.ts";
import { asServiceError, Gate, type Service, serviceError, type Sink } from "../serve/index.ts";
import { type ConsoleOptions, serveConsole } from "./index.ts";
import type { SessionStore } from "./sessions/index.ts";

/** Sessions as the database keeps them. */
class MemorySessions implements SessionStore {
  readonly sessions: Map<string, ConsoleSession> = new Map();

  async insertSession(session: ConsoleSession): Promise<void> {
    this.sessions.set(session.id, session);
  }

  async getSession(id: string): Promise<ConsoleSession | undefined> {
    return this.sessions.get(id);
  }

  async touchSession(id: string, usedMs: number): Promise<void> {
    const session = this.sessions.get(id);
    if (session !== undefined) this.sessions.set(id, { ...session, usedMs });
  }

  async deleteSession(id: string): Promise<boolean> {
    return this.sessions.delete(id);
  }

  async sessionsOf(caller: string): Promise<ConsoleSession[]> {
    return [...this.sessions.values()].filter(({ subjects }) => subjects[0] === caller);
  }

  async sweep(): Promise<number> {
    return 0;
  }
}

export interface TestConsole extends AsyncDisposable {
  port: number;
  ca: string;
  user: { cert: string; key: string };
  store: MemorySessions;
  tokens: Map<string, ApiToken>;
  links: Map<string, LoginLink>;
  bindings: { subject: string; role: Role; scope: Record<string, string> }[];
  record: AuditEntry[];
  /** What the stream of alerts says to whoever watches; replaced by tests. */
  watched: (sink: Sink<WatchAlertsResponse>) => Promise<void>;
}

const HOUR_MS = 3_600_000;

export async function openConsole(
  changes: Partial<ConsoleOptions> & { isDown?: () => boolean } = {},
): Promise<TestConsole> {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-web-"));
  const authority = { directory: join(folder, "ca"), passphraseFile: "" };
  await initAuthority(authority, "Test");
  await issueServer(authority, ["localhost", "127.0.0.1"], 1, join(folder, "server"));
  await issueUser(authority, "alice", 1, join(folder, "alice"));
  const filesFolder = join(folder, "dist");
  mkdirSync(join(filesFolder, "assets"), { recursive: true });
  writeFileSync(join(filesFolder, "index.html"), "<!doctype html><title>page</title>");
  writeFileSync(join(filesFolder, "assets", "index-1.js"), "plain");
  writeFileSync(join(filesFolder, "assets", "index-1.js.br"), "brotli");
  writeFileSync(join(filesFolder, "assets", "index-1.js.gz"), "gzip");
  const ca = readFileSync(join(authority.directory, "trust.crt"), "utf8");
  const [cert, key] = [".crt", ".key"].map((ending) => readFileSync(join(folder, `alice${ending}`), "utf8"));
  const stopping = new AbortController();
  const logger = openLogger("test", "fatal" as never);
  const test: Omit<TestConsole, "port"> = {
    ca,
    user: { cert: cert ?? "", key: key ?? "" },
    store: new MemorySessions(),
    tokens: new Map(),
    links: new Map(),
    bindings: [{ subject: "certificate:alice", role: "responder", scope: {} }],
    record: [],
    watched: async () => undefined,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await server.stop(0);
      rmSync(folder, { recursive: true });
    },
  };
  const access = new Access({
    bindings: () => test.bindings,
    findApiToken: async (id) => test.tokens.get(id),
    checkProviderToken: undefined,
  });
  const append = async (entry: AuditEntry): Promise<void> => {
    if (changes.isDown?.() === true) throw new Error("the database is down");
    test.record.push(entry);
  };
  const gate = new Gate(
    { access, scopes: new HostScopes(async () => []), record: append, explain: asServiceError },
    logger,
  );
  const { server } = await serveConsole(
    {
      listen: "127.0.0.1:0",
      tls: {
        caFile: join(authority.directory, "trust.crt"),
        certificateFile: join(folder, "server.crt"),
        keyFile: join(folder, "server.key"),
      },
      connectionsMax: 100,
      connectionsPerAddressMax: 100,
      handshakeTimeoutMs: 5000,
      filesFolder,
      bounds: { callsMax: 4, streamsMax: 2 },
      sessions: {
        store: test.store,
        access,
        record: append,
        idleMs: HOUR_MS,
        absoluteMs: 2 * HOUR_MS,
        perCallerMax: 3,
      },
      login: {
        access,
        takeLink: async (id) => {
          const link = test.links.get(id);
          test.links.delete(id);
          return link;
        },
        provider: undefined,
        readKey: async () => Buffer.alloc(32),
        certificates: true,
        attemptsPerMinute: 1000,
        publicUrl: "",
      },
      providerName: "",
      version: "0",
      signal: stopping.signal,
      ...changes,
    },
    servicesOf(gate, () => test.watched),
    logger,
  );
  return Object.assign(test, { port: server.port });
}

function servicesOf(gate: Gate, watched: () => TestConsole["watched"]): Service[] {
  const missing = (): never => {
    throw serviceError(status.UNIMPLEMENTED, "NOT_HERE", "not in this test");
  };
  const rest = (definition: object): Record<string, never> =>
    Object.fromEntries(
      Object.keys(definition).map((key) => [key, gate.unary({ toJSON: () => ({}) }, missing) as never]),
    );
  return [
    {
      name: "hosttrail.v1.AccessService",
      definition: AccessServiceService,
      implementation: {
        ...rest(AccessServiceService),
        getCaller: gate.unary(GetCallerRequest, async (_request, { caller }) => {
          const response: CallerMessage = { name: caller.name, role: 2, scope: { ...caller.scope } };
          return { response, results: 1 };
        }),
      },
    },
    {
      name: "hosttrail.v1.AlertService",
      definition: AlertServiceService,
      implementation: {
        ...rest(AlertServiceService),
        watchAlerts: gate.stream(WatchAlertsRequest, (_request, _visit, sink: Sink<WatchAlertsResponse>) =>
          watched()(sink),
        ),
      },
    },
  ];
}

/** Makes an API token. */
export function addToken({ tokens }: TestConsole, role: Role = "viewer"): { id: string; text: string } {
  const { id, text, hash } = makeSecret("api");
  const times = { createMs: Date.now(), expireMs: Date.now() + HOUR_MS };
  tokens.set(id, { id, hash, displayName: "", role, scope: {}, creator: "", ...times });
  return { id, text };
}

export interface Got {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
  json: unknown;
}

export const OWN: Readonly<Record<string, string>> = { "x-hosttrail-console": "1", "sec-fetch-site": "same-origin" };

/** Asks by HTTP/1.1, as a browser would from a page of ours where nothing else is said. */
export function ask(
  { port, ca, user }: TestConsole,
  path: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: string;
    isUser?: boolean;
  } = {},
): Promise<Got> {
  const { method = options.body === undefined ? "GET" : "POST", headers = OWN, body, isUser = false } = options;
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const about = { host: "127.0.0.1", port, path, method, ca, agent: false, headers: { ...type, ...headers } };
    const asking = requestFirst({ ...about, ...(isUser ? user : {}) }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(pieces).toString("utf8");
        let json: unknown;
        try {
          json = JSON.parse(text);
        } catch {
          json = undefined;
        }
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    });
    asking.on("error", reject);
    asking.end(body);
  });
}

/** The session's cookie of an answer. */
export function sessionOf({ headers }: Got): string {
  const [cookie = ""] = headers["set-cookie"] ?? [];
  return cookie.split(";")[0] ?? "";
}

export async function loginByToken(console: TestConsole, role: Role = "viewer"): Promise<Record<string, string>> {
  const answer = await ask(console, "/login/token", { body: JSON.stringify({ token: addToken(console, role).text }) });
  return { ...OWN, cookie: sessionOf(answer) };
}

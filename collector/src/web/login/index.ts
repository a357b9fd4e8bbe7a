/** The ways to log in: each finds out who somebody is, and then begins a session. */
import { status } from "@grpc/grpc-js";
import type { Logger } from "@hosttrail/lib/log";
import {
  type Access,
  type Caller,
  idOfCode,
  parseSecret,
  ProviderUnavailable,
  UnknownCaller,
} from "../../access/index.ts";
import { metrics } from "../../metrics/index.ts";
import type { LoginLink, LoginWay } from "../../model/index.ts";
import { invalidField, serviceError } from "../../serve/index.ts";
import { readJson } from "../body.ts";
import { cookie, cookieOf, LOGIN_COOKIE, SESSION_COOKIE } from "../cookies.ts";
import { type Exchange, sendJson } from "../exchange.ts";
import { checkOrigin } from "../origin.ts";
import { isOurs } from "../problem.ts";
import type { Sessions, Standing } from "../sessions/index.ts";
import { Attempts } from "./attempts.ts";
import { LoginRefused, ProviderLogin, type ProviderLoginOptions, type ProviderState } from "./provider.ts";
import { Seal } from "./seal.ts";

export type { ProviderLoginOptions } from "./provider.ts";

export interface LoginOptions {
  access: Access;
  /** A one-time link, for the one who uses it first. */
  takeLink: (id: string, nowMs: number) => Promise<LoginLink | undefined>;
  /** Undefined where there is no provider. */
  provider: ProviderLoginOptions | undefined;
  /** A key that all collectors share. */
  readKey: () => Promise<Uint8Array>;
  /** Whether a client's certificate is a way to log in. */
  certificates: boolean;
  /** Attempts of one address in a minute. */
  attemptsPerMinute: number;
  /** Where the console is, as browsers see it; empty for wherever they ask. */
  publicUrl: string;
}

const BODY_BYTES_MAX = 4096;
const STATE_MS = 600_000;
const PATH_LENGTH_MAX = 2048;
/** A path of ours: nothing that a browser takes for another host, and no control character. */
const PATH = /^\/(?![/\\])[\x21-\x7e]*$/;

/** Why a login by the provider came to nothing, as the page is told. */
type ErrorWord = "provider_unavailable" | "refused" | "expired" | "unknown" | "busy" | "unavailable";

export class Login {
  readonly ways: readonly LoginWay[];
  readonly #options: LoginOptions;
  readonly #sessions: Sessions;
  readonly #attempts: Attempts;
  readonly #provider: ProviderLogin | undefined;
  readonly #seal: Seal;
  readonly #logger: Logger;

  constructor(options: LoginOptions, sessions: Sessions, logger: Logger) {
    const { provider, certificates, readKey, attemptsPerMinute } = options;
    this.#options = options;
    this.#sessions = sessions;
    this.#logger = logger;
    this.#attempts = new Attempts(attemptsPerMinute);
    this.#provider = provider && new ProviderLogin(provider);
    this.#seal = new Seal(readKey, "login");
    this.ways = [
      ...(provider === undefined ? [] : (["provider"] as const)),
      "token",
      ...(certificates ? (["certificate"] as const) : []),
      "link",
    ];
  }

  /** Answers a path below /login/; gives false where there is no such way. Throws a ServiceError. */
  async answer(exchange: Exchange, show: (standing: Standing) => unknown): Promise<boolean> {
    const { method, path } = exchange;
    if (method === "GET" && path === "/login/provider") await this.#toProvider(exchange);
    else if (method === "GET" && path === "/login/callback") await this.#fromProvider(exchange);
    else if (method === "POST" && path === "/login/token") await this.#byToken(exchange, show);
    else if (method === "POST" && path === "/login/certificate") await this.#byCertificate(exchange, show);
    else if (method === "POST" && path === "/login/link") await this.#byLink(exchange, show);
    else return false;
    return true;
  }

  #byToken(exchange: Exchange, show: (standing: Standing) => unknown): Promise<void> {
    return this.#byOwn("token", exchange, show, async () => {
      const token = textIn(await readJson(exchange, BODY_BYTES_MAX), "token");
      if (parseSecret("api", token) === undefined) throw new UnknownCaller("this is no API token");
      return await this.#options.access.authenticate({
        authorization: `Bearer ${token}`,
        certificate: { problem: "not asked for" },
      });
    });
  }

  #byCertificate(exchange: Exchange, show: (standing: Standing) => unknown): Promise<void> {
    return this.#byOwn("certificate", exchange, show, async () => {
      if (!this.#options.certificates) throw new UnknownCaller("certificates are no way to log in here");
      return await this.#options.access.authenticate({ authorization: undefined, certificate: exchange.certificate });
    });
  }

  #byLink(exchange: Exchange, show: (standing: Standing) => unknown): Promise<void> {
    return this.#byOwn("link", exchange, show, async () => {
      const id = idOfCode(textIn(await readJson(exchange, BODY_BYTES_MAX), "code"));
      const link = id === undefined ? undefined : await this.#options.takeLink(id, Date.now());
      if (link === undefined) throw new UnknownCaller("the link was used, has ended, or never was");
      return await this.#options.access.again({ subjects: link.subjects, endMs: link.identityEndMs });
    });
  }

  /** A login by what a page sends. */
  async #byOwn(
    way: LoginWay,
    exchange: Exchange,
    show: (standing: Standing) => unknown,
    identify: () => Promise<Caller>,
  ): Promise<void> {
    const { headers, peer, answer } = exchange;
    checkOrigin(headers, this.#options.publicUrl);
    const waitMs = this.#attempts.take(addressOf(peer));
    if (waitMs > 0) {
      metrics.consoleRefused.inc({ reason: "attempts" });
      const message = `too many attempts to log in from ${addressOf(peer)}: at most ${this.#options.attemptsPerMinute} in a minute`;
      throw serviceError(status.RESOURCE_EXHAUSTED, "ATTEMPTS_EXHAUSTED", message, {}, waitMs);
    }
    try {
      const { key, standing } = await this.#begin(exchange, await identify(), way);
      sendJson(answer, 200, show(standing), { "set-cookie": cookie(SESSION_COOKIE, key, "Strict") });
    } catch (error) {
      this.#tell(way, peer, error);
      throw error;
    }
  }

  async #toProvider({ query, peer, answer }: Exchange): Promise<void> {
    const provider = this.#provider;
    if (provider === undefined) return redirect(answer, "/login");
    if (this.#attempts.take(addressOf(peer)) > 0) return this.#sendBack(answer, "busy");
    try {
      const { url, state } = await provider.begin(pathOf(query.get("to") ?? "/"));
      const sealed = await this.#seal.seal(state, STATE_MS);
      redirect(answer, url.href, [cookie(LOGIN_COOKIE, sealed, "Lax", STATE_MS / 1000)]);
    } catch (error) {
      this.#tell("provider", peer, error);
      this.#sendBack(answer, wordOf(error));
    }
  }

  async #fromProvider(exchange: Exchange): Promise<void> {
    const { query, headers, peer, answer } = exchange;
    const provider = this.#provider;
    if (provider === undefined) return redirect(answer, "/login");
    if (this.#attempts.take(addressOf(peer)) > 0) return this.#sendBack(answer, "busy");
    try {
      const sealed = cookieOf(headers.cookie, LOGIN_COOKIE) ?? "";
      const state = (await this.#seal.open(sealed)) as ProviderState | undefined;
      if (state === undefined || query.get("state") !== state.state) return this.#sendBack(answer, "expired");
      const caller = this.#options.access.vouched(await provider.finish(query, state));
      const { key } = await this.#begin(exchange, caller, "provider");
      // The page that comes now is asked for by the provider's, so it comes without the session; what it asks for then comes with it.
      redirect(answer, state.to, [cookie(SESSION_COOKIE, key, "Strict"), cookie(LOGIN_COOKIE, "", "Lax", 0)]);
    } catch (error) {
      this.#tell("provider", peer, error);
      this.#sendBack(answer, wordOf(error));
    }
  }

  async #begin(
    { headers, peer }: Exchange,
    caller: Caller,
    way: LoginWay,
  ): Promise<{ key: string; standing: Standing }> {
    // Whoever logs in anew leaves nothing behind.
    const before = cookieOf(headers.cookie, SESSION_COOKIE);
    if (before !== undefined) await this.#sessions.end(before, peer);
    const begun = await this.#sessions.begin(caller, way, peer);
    metrics.consoleLogins.inc({ way, result: "done" });
    return begun;
  }

  #sendBack(answer: Exchange["answer"], word: ErrorWord): void {
    if (word === "busy") metrics.consoleRefused.inc({ reason: "attempts" });
    redirect(answer, `/login?error=${word}`, [cookie(LOGIN_COOKIE, "", "Lax", 0)]);
  }

  /** Strangers' attempts are logged, not recorded: they must not be able to fill the database. */
  #tell(way: LoginWay, peer: string, error: unknown): void {
    const isRefused = !isOurs(error) || error instanceof LoginRefused;
    metrics.consoleLogins.inc({ way, result: isRefused ? "refused" : "failed" });
    const { message: reason, cause } = error instanceof Error ? error : new Error(String(error));
    const because = cause instanceof Error ? { cause: cause.message } : {};
    this.#logger.warn({ way, peer, reason, ...because }, "a login to the console came to nothing");
  }
}

function wordOf(error: unknown): ErrorWord {
  if (error instanceof ProviderUnavailable) return "provider_unavailable";
  if (error instanceof LoginRefused) return "refused";
  return error instanceof UnknownCaller ? "unknown" : "unavailable";
}

function redirect(answer: Exchange["answer"], to: string, cookies: readonly string[] = []): void {
  answer.writeHead(303, { location: to, ...(cookies.length === 0 ? {} : { "set-cookie": [...cookies] }) });
  answer.end();
}

/** Where to go after a login: a path of ours, or the first page. */
function pathOf(to: string): string {
  return to.length <= PATH_LENGTH_MAX && PATH.test(to) ? to : "/";
}

function addressOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(":"));
}

function textIn(body: unknown, key: string): string {
  const value: unknown = typeof body === "object" && body !== null ? (body as Record<string, unknown>)[key] : undefined;
  if (typeof value !== "string" || Object.keys(body as object).length !== 1)
    throw invalidField(key, typeof value, `a text, as in {"${key}": "…"}`);
  return value;
}

/**
 * Sessions of people at the console, in the database, so that any collector knows them. States: going on -> over, by logout, by either end, by
 * the end of what the caller was known by, or because the caller began too many others.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Logger } from "@hosttrail/lib/log";
import { type Access, type Caller, UnknownCaller } from "../../access/index.ts";
import { metrics } from "../../metrics/index.ts";
import type { AuditEntry, ConsoleSession, LoginWay } from "../../model/index.ts";

export interface SessionStore {
  insertSession(session: ConsoleSession): Promise<void>;
  getSession(id: string): Promise<ConsoleSession | undefined>;
  touchSession(id: string, usedMs: number): Promise<void>;
  deleteSession(id: string): Promise<boolean>;
  sessionsOf(caller: string): Promise<ConsoleSession[]>;
  sweep(nowMs: number, idleSinceMs: number, limit: number): Promise<number>;
}

export interface SessionOptions {
  store: SessionStore;
  access: Pick<Access, "again">;
  /** Keeps a login or logout in the record of calls. */
  record: (entry: AuditEntry) => Promise<void>;
  /** A session over which nobody asks anything for so long ends. */
  idleMs: number;
  /** And after this time in any case. */
  absoluteMs: number;
  /** Sessions of one caller; the oldest give way. */
  perCallerMax: number;
}

/** A session that goes on. */
export interface Standing {
  /** The same for all of its calls; tells nothing of what the browser has. */
  id: string;
  caller: Caller;
  /** When it ends in any case, and when if nobody asks any more; milliseconds since 1970. */
  endMs: number;
  idleEndMs: number;
}

const KEY_BYTES = 32;
const KEY = /^[A-Za-z0-9_-]{43}$/;
/** That a session is used is noted this often, at most, or ten times within its idle time. */
const TOUCH_MS = 60_000;
const TOUCHES = 10;
const SWEEP_MS = 600_000;
const SWEEP_MAX = 1000;

type Reason = "logout" | "idle" | "absolute" | "identity" | "displaced";

export class Sessions {
  readonly #options: SessionOptions;
  readonly #logger: Logger;

  constructor(options: SessionOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /** Begins a session, which is recorded before; gives what the browser gets. */
  async begin(caller: Caller, way: LoginWay, peer: string): Promise<{ key: string; standing: Standing }> {
    const { store, absoluteMs, perCallerMax } = this.#options;
    const { subjects, endMs } = caller.identity;
    await this.#record("Login", caller.name, peer, { way, role: caller.role });
    for (const { id } of (await store.sessionsOf(caller.name)).slice(0, -(perCallerMax - 1) || undefined))
      await this.#end(id, "displaced");
    const key = randomBytes(KEY_BYTES).toString("base64url");
    const nowMs = Date.now();
    const session: ConsoleSession = {
      id: idOf(key),
      subjects,
      way,
      createMs: nowMs,
      usedMs: nowMs,
      endMs: Math.min(nowMs + absoluteMs, endMs),
    };
    await store.insertSession(session);
    return { key, standing: this.#standing(session, caller) };
  }

  /** The session of a key that a browser sent, and that somebody uses now. Throws as `look`. */
  async use(key: string | undefined): Promise<Standing> {
    const session = await this.#find(key);
    const standing = this.#standing(session, await this.#callerOf(session));
    const nowMs = Date.now();
    if (nowMs - session.usedMs < Math.min(TOUCH_MS, this.#options.idleMs / TOUCHES)) return standing;
    await this.#options.store.touchSession(session.id, nowMs);
    return { ...standing, idleEndMs: nowMs + this.#options.idleMs };
  }

  /** The same without using it. Throws an UnknownCaller where there is no such session, or where it is over. */
  async look(key: string | undefined): Promise<Standing> {
    const session = await this.#find(key);
    return this.#standing(session, await this.#callerOf(session));
  }

  /** Ends a session; nothing where there is none. */
  async end(key: string | undefined, peer: string): Promise<void> {
    let session: ConsoleSession;
    try {
      session = await this.#find(key);
    } catch (error) {
      if (error instanceof UnknownCaller) return;
      throw error;
    }
    await this.#end(session.id, "logout");
    await this.#record("Logout", session.subjects[0] ?? "", peer, {});
  }

  /** Removes what has ended, until the signal. */
  async sweep(signal: AbortSignal): Promise<void> {
    const sweep = async (): Promise<void> => {
      const nowMs = Date.now();
      const swept = await this.#options.store.sweep(nowMs, nowMs - this.#options.idleMs, SWEEP_MAX);
      if (swept > 0) this.#logger.debug({ swept }, "sessions and login links that had ended are removed");
    };
    const sweeping = setInterval(() => {
      sweep().catch((error: unknown) => this.#logger.warn({ error: String(error) }, "ended sessions are not removed"));
    }, SWEEP_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (!signal.aborted) await promise;
    clearInterval(sweeping);
  }

  async #find(key: string | undefined): Promise<ConsoleSession> {
    if (key === undefined || !KEY.test(key)) throw new UnknownCaller("there is no session");
    const session = await this.#options.store.getSession(idOf(key));
    if (session === undefined) throw new UnknownCaller("the session is over");
    const nowMs = Date.now();
    const reason =
      session.endMs <= nowMs ? "absolute" : session.usedMs + this.#options.idleMs <= nowMs ? "idle" : undefined;
    if (reason === undefined) return session;
    await this.#end(session.id, reason);
    throw new UnknownCaller("the session is over");
  }

  async #callerOf({ id, subjects, endMs }: ConsoleSession): Promise<Caller> {
    try {
      return await this.#options.access.again({ subjects, endMs });
    } catch (error) {
      if (error instanceof UnknownCaller) await this.#end(id, "identity");
      throw error;
    }
  }

  /** One of those who find that it is over counts it. */
  async #end(id: string, reason: Reason): Promise<void> {
    if (await this.#options.store.deleteSession(id)) metrics.consoleSessionsEnded.inc({ reason });
  }

  #standing({ id, usedMs, endMs }: ConsoleSession, caller: Caller): Standing {
    return { id, caller, endMs, idleEndMs: Math.min(usedMs + this.#options.idleMs, endMs) };
  }

  async #record(what: "Login" | "Logout", caller: string, peer: string, request: object): Promise<void> {
    const timeMs = Date.now();
    await this.#options.record({
      id: `${timeMs.toString(16).padStart(12, "0")}-${randomBytes(6).toString("hex")}`,
      timeMs,
      caller,
      peerAddress: peer,
      method: `/console/${what}`,
      request: JSON.stringify(request),
      results: 0,
      status: "OK",
    });
  }
}

/** The database has no more than this: what it knows opens nothing. The key has 256 random bits, so a plain hash cannot be turned back. */
function idOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

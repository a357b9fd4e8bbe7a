/**
 * What browsers are answered: the console's files, the API as JSON, logins and sessions. Every call of the API goes through the gate of the
 * services, as those of gRPC do.
 */
import type { Logger } from "@hosttrail/lib/log";
import { UnknownCaller } from "../access/index.ts";
import { metrics } from "../metrics/index.ts";
import type { RunningServer, Service } from "../serve/index.ts";
import { type CallBounds, Calls } from "./calls/index.ts";
import { cookie, cookieOf, SESSION_COOKIE } from "./cookies.ts";
import { type Exchange, sendJson, whenOver } from "./exchange.ts";
import { Files } from "./files/index.ts";
import { Login, type LoginOptions } from "./login/index.ts";
import { checkOrigin } from "./origin.ts";
import { isOurs, problemOf } from "./problem.ts";
import { type ConsoleListen, listen } from "./server.ts";
import { type SessionOptions, Sessions, type Standing } from "./sessions/index.ts";

export type { ProviderLoginOptions } from "./login/index.ts";

export interface ConsoleOptions extends ConsoleListen {
  /** Folder of the built files. */
  filesFolder: string;
  bounds: CallBounds;
  sessions: SessionOptions;
  login: LoginOptions;
  /** What the button of the identity provider says. */
  providerName: string;
  version: string;
  /** Aborted when work is to end. */
  signal: AbortSignal;
}

/** Asks that a person did not make do not put off the end of a session. */
const BACKGROUND_HEADER = "x-hosttrail-background";

export interface RunningConsole {
  server: RunningServer;
  /** Goes on until the signal. */
  work: Promise<void>;
}

/** Serves the console with these services. Throws where it cannot listen, or its files cannot be read. */
export async function serveConsole(
  options: ConsoleOptions,
  services: readonly Service[],
  logger: Logger,
): Promise<RunningConsole> {
  const sessions = new Sessions(options.sessions, logger);
  const files = Files.read(options.filesFolder);
  if (!files.isBuilt) logger.warn({ folder: options.filesFolder }, "the console's pages are not built");
  const console = new Console(options, new Calls(services, options.bounds), files, sessions, logger);
  const server = await listen(options, (exchange) => console.take(exchange), logger);
  return { server, work: sessions.sweep(options.signal) };
}

type Kind = "api" | "session" | "login" | "file";

class Console {
  readonly #options: ConsoleOptions;
  readonly #calls: Calls;
  readonly #files: Files;
  readonly #sessions: Sessions;
  readonly #login: Login;
  readonly #logger: Logger;

  constructor(options: ConsoleOptions, calls: Calls, files: Files, sessions: Sessions, logger: Logger) {
    this.#options = options;
    this.#calls = calls;
    this.#files = files;
    this.#sessions = sessions;
    this.#login = new Login(options.login, sessions, logger);
    this.#logger = logger;
  }

  /** Answers also where it fails; throws only where the connection takes no answer any more. */
  async take(exchange: Exchange): Promise<void> {
    const { path, answer, over } = exchange;
    const kind = kindOf(path);
    whenOver(over, () => metrics.consoleRequests.inc({ kind, status: String(answer.statusCode) }));
    try {
      await this.#answer(kind, exchange);
    } catch (error) {
      // Nobody is there to be told.
      if (over.aborted) return;
      if (isOurs(error)) this.#logger.error({ path, error: String(error) }, "a request of a browser failed");
      const { status, body } = problemOf(error);
      if (!answer.headersSent) sendJson(answer, status, body);
      else if (!answer.writableEnded) answer.end();
    }
  }

  async #answer(kind: Kind, exchange: Exchange): Promise<void> {
    const { method, path, answer } = exchange;
    if (!path.startsWith("/")) return sendJson(answer, 400, missing("the path does not begin with /"));
    if (kind === "login") {
      if (!(await this.#login.answer(exchange, (standing) => this.#tell(standing))))
        sendJson(answer, 404, missing("there is no such way to log in"));
    } else if (kind === "api" && method === "POST") await this.#call(exchange);
    else if (path === "/session" && method === "GET") await this.#session(exchange);
    else if (path === "/logout" && method === "POST") await this.#logout(exchange);
    else if (kind === "file" && (method === "GET" || method === "HEAD")) this.#files.answer(exchange);
    else sendJson(answer, 405, missing("this method is not allowed here"));
  }

  async #call(exchange: Exchange): Promise<void> {
    const { headers } = exchange;
    if (headers.authorization !== undefined) return await this.#callOfProgram(exchange, headers.authorization);
    checkOrigin(headers, this.#options.login.publicUrl);
    const key = cookieOf(headers.cookie, SESSION_COOKIE);
    const isBackground = headers[BACKGROUND_HEADER] === "1";
    // Nothing is read of whom nobody knows.
    const { id, caller } = isBackground ? await this.#sessions.look(key) : await this.#sessions.use(key);
    let isFresh = true;
    const look = async (): Promise<typeof caller> => {
      if (!isFresh) return (await this.#sessions.look(key)).caller;
      isFresh = false;
      return caller;
    };
    await this.#calls.answer(exchange, { id, look });
  }

  /**
   * A call of a program, which brings a bearer token along with each. It comes from no page: a browser adds such a header to no request by
   * itself, and asks before it sends one for another site. A cookie that may be there does not count.
   */
  async #callOfProgram(exchange: Exchange, authorization: string): Promise<void> {
    const { access } = this.#options.login;
    const first = await access
      .authenticate({ authorization, certificate: { problem: "not asked for" } })
      .catch((error) => {
        const { peer, path } = exchange;
        if (error instanceof UnknownCaller)
          this.#logger.warn({ peer, path, reason: error.message }, "a program was refused");
        throw error;
      });
    let isFresh = true;
    const look = async (): Promise<typeof first> => {
      if (!isFresh) return await access.again(first.identity);
      isFresh = false;
      return first;
    };
    // Calls of one token have their bounds together.
    await this.#calls.answer(exchange, { id: first.name, look });
  }

  async #session({ headers, answer }: Exchange): Promise<void> {
    checkOrigin(headers, this.#options.login.publicUrl);
    const { ways } = this.#login;
    try {
      sendJson(answer, 200, this.#tell(await this.#sessions.look(cookieOf(headers.cookie, SESSION_COOKIE))));
    } catch (error) {
      if (!(error instanceof UnknownCaller)) throw error;
      sendJson(answer, 401, { ways, provider: this.#options.providerName });
    }
  }

  async #logout({ headers, peer, answer }: Exchange): Promise<void> {
    checkOrigin(headers, this.#options.login.publicUrl);
    await this.#sessions.end(cookieOf(headers.cookie, SESSION_COOKIE), peer);
    sendJson(answer, 200, {}, { "set-cookie": cookie(SESSION_COOKIE, "", "Strict", 0) });
  }

  #tell({ caller, endMs, idleEndMs }: Standing): Record<string, unknown> {
    return {
      caller: caller.name,
      role: caller.role,
      scope: caller.scope,
      expires: new Date(endMs).toISOString(),
      idleExpires: new Date(idleEndMs).toISOString(),
      version: this.#options.version,
      ways: this.#login.ways,
      provider: this.#options.providerName,
    };
  }
}

function kindOf(path: string): Kind {
  if (path.startsWith("/api/") || path === "/api") return "api";
  if (path.startsWith("/login/")) return "login";
  return path === "/session" || path === "/logout" || /^\/(?:session|logout)\//.test(path) ? "session" : "file";
}

function missing(message: string): { code: string; message: string; details: never[] } {
  return { code: "NOT_FOUND", message, details: [] };
}

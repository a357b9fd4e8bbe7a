/** Every call of the API goes through here: who calls, whether they may, and the record of it. */
import { randomBytes } from "node:crypto";
import {
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type { Logger } from "@hosttrail/lib/log";
import {
  type Access,
  type Caller,
  type HostScopes,
  type HostSet,
  includesRole,
  LEAST_ROLE,
  ProviderUnavailable,
  UnknownCaller,
} from "../access/index.ts";
import { metrics } from "../metrics/index.ts";
import type { AuditEntry } from "../model/index.ts";
import { serviceError } from "./error.ts";
import { userOf } from "./peer.ts";
import { Sink } from "./sink.ts";

/** A call that was let in. */
export interface Visit {
  caller: Caller;
  /** Hosts that are there for the caller; undefined for all. */
  hosts: HostSet;
}

export interface Answers<Response> {
  response: Response;
  /** Events or other things that the caller got to see. */
  results: number;
}

export interface GateOptions {
  access: Access;
  scopes: HostScopes;
  /** Keeps a call for good. */
  record: (entry: AuditEntry) => Promise<void>;
  /** Errors of the steps, as callers may see them. */
  explain: (error: unknown) => ServiceError | undefined;
}

/** A call of whatever kind. */
interface AnyCall
  extends Pick<ServerUnaryCall<unknown, unknown>, "getAuthContext" | "getPath" | "getPeer" | "metadata"> {
  /**
   * Only a call that this process makes of something else than gRPC says by itself who calls, and throws as Access does where that holds no
   * more. No message on the wire gives a call of gRPC such a method.
   */
  authenticate?(): Promise<Caller>;
}
/** What the record tells of a call. */
interface Asked<Request> extends Pick<AnyCall, "getPath" | "getPeer"> {
  request: Request;
}

/** Puts the parts of a request together. */
export interface Gathering<Part, Request> {
  /** Throws where a part is too much, or does not fit to those before it. */
  add(part: Part): void;
  finish(): Request;
}

const REQUEST_LENGTH_MAX = 4096;

/** The proto's own way to JSON. */
interface Describe<Request> {
  toJSON: (request: Request) => unknown;
}

function textOf<Request>({ toJSON }: Describe<Request>, request: Request): string {
  try {
    return JSON.stringify(toJSON(request)).slice(0, REQUEST_LENGTH_MAX);
  } catch (error) {
    // A time that is none, say: what was asked cannot be told, but that it was.
    return `cannot be shown: ${String(error)}`.slice(0, REQUEST_LENGTH_MAX);
  }
}

export class Gate {
  readonly #options: GateOptions;
  readonly #logger: Logger;

  constructor(options: GateOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /** A handler that lets in whoever may, and answers only when the call is recorded. */
  unary<Request, Response>(
    describe: Describe<Request>,
    answer: (request: Request, visit: Visit, signal: AbortSignal) => Promise<Answers<Response>>,
  ): handleUnaryCall<Request, Response> {
    return this.#handler(describe, answer, false);
  }

  /** The same for what changes something: it is recorded before it is done as well, or not done. */
  change<Request, Response>(
    describe: Describe<Request>,
    answer: (request: Request, visit: Visit) => Promise<Answers<Response>>,
  ): handleUnaryCall<Request, Response> {
    return this.#handler(describe, answer, true);
  }

  /** The same as `change` for a request that comes in parts. Nothing is read of whom is not let in. */
  gather<Part, Request, Response>(
    describe: Describe<Request>,
    gathering: () => Gathering<Part, Request>,
    answer: (request: Request, visit: Visit) => Promise<Answers<Response>>,
  ): handleClientStreamingCall<Part, Response> {
    return (call, callback) => {
      const run = async (): Promise<Response> => {
        const visit = await this.enter(call);
        const parts = gathering();
        for await (const part of call) parts.add(part as Part);
        const request = parts.finish();
        const asked = { getPath: () => call.getPath(), getPeer: () => call.getPeer(), request };
        return await this.#answer(asked, visit, describe, answer, true);
      };
      this.#reply(call.getPath(), run(), callback);
    };
  }

  /**
   * A handler that answers with many messages. It is recorded before the first one, and when it is over. Whoever answers writes to the
   * sink, at the pace at which the caller reads, and gives how many results there were.
   */
  stream<Request, Response>(
    describe: Describe<Request>,
    answer: (request: Request, visit: Visit, sink: Sink<Response>) => Promise<void>,
  ): handleServerStreamingCall<Request, Response> {
    return (call) => {
      const path = call.getPath();
      const run = async (): Promise<void> => {
        const visit = await this.enter(call);
        const sink = new Sink<Response>(call, () => this.enter(call));
        await this.record(call, visit.caller, describe, 0, "STARTED");
        try {
          await answer(call.request, visit, sink);
          sink.throwIfEnded();
        } catch (error) {
          const { code } = this.#errorOf(error);
          await this.record(call, visit.caller, describe, sink.results, code).catch(() => undefined);
          throw error;
        } finally {
          sink.close();
        }
        await this.record(call, visit.caller, describe, sink.results, status.OK);
        this.count(path, status.OK);
        call.end();
      };
      run().catch((error: unknown) => call.emit("error", this.explain(path, error)));
    };
  }

  #handler<Request, Response>(
    describe: Describe<Request>,
    answer: (request: Request, visit: Visit, signal: AbortSignal) => Promise<Answers<Response>>,
    isChange: boolean,
  ): handleUnaryCall<Request, Response> {
    return (call, callback) => {
      const leaving = new AbortController();
      call.on("cancelled", () => leaving.abort());
      const asked = (request: Request, visit: Visit): Promise<Answers<Response>> =>
        answer(request, visit, leaving.signal);
      const run = async (): Promise<Response> =>
        await this.#answer(call, await this.enter(call), describe, asked, isChange);
      this.#reply(call.getPath(), run(), callback);
    };
  }

  async #answer<Request, Response>(
    asked: Asked<Request>,
    visit: Visit,
    describe: Describe<Request>,
    answer: (request: Request, visit: Visit) => Promise<Answers<Response>>,
    isChange: boolean,
  ): Promise<Response> {
    if (isChange) await this.record(asked, visit.caller, describe, 0, "STARTED");
    try {
      const { response, results } = await answer(asked.request, visit);
      await this.record(asked, visit.caller, describe, results, status.OK);
      return response;
    } catch (error) {
      const { code } = this.#errorOf(error);
      await this.record(asked, visit.caller, describe, 0, code).catch(() => undefined);
      throw error;
    }
  }

  #reply<Response>(path: string, answered: Promise<Response>, callback: sendUnaryData<Response>): void {
    answered.then(
      (response) => {
        this.count(path, status.OK);
        callback(null, response);
      },
      (error: unknown) => callback(this.explain(path, error)),
    );
  }

  /** Lets a call in, or throws. */
  async enter(call: AnyCall): Promise<Visit> {
    const { access, scopes } = this.#options;
    const method = call.getPath();
    let caller: Caller;
    try {
      const authorization = call.metadata.get("authorization")[0]?.toString();
      caller = await (call.authenticate?.() ?? access.authenticate({ authorization, certificate: userOf(call) }));
    } catch (error) {
      if (error instanceof ProviderUnavailable) {
        throw serviceError(status.UNAVAILABLE, "IDENTITY_PROVIDER_UNAVAILABLE", error.message, {}, 1000);
      }
      if (!(error instanceof UnknownCaller)) throw error;
      // Not in the record: strangers must not be able to fill the database.
      this.#logger.warn({ peer: call.getPeer(), method, reason: error.message }, "a caller was refused");
      throw serviceError(status.UNAUTHENTICATED, "CALLER_UNKNOWN", error.message);
    }
    const least = LEAST_ROLE[method];
    if (least === undefined || !includesRole(caller.role, least)) {
      const needed = least ?? "none";
      const message = `${method} needs the role ${needed}; ${caller.name} is ${caller.role}`;
      const refusal = serviceError(status.PERMISSION_DENIED, "ROLE_MISSING", message, { role: needed });
      const asked = { getPath: () => method, getPeer: () => call.getPeer(), request: undefined };
      await this.record(asked, caller, undefined, 0, status.PERMISSION_DENIED).catch(() => undefined);
      throw refusal;
    }
    return { caller, hosts: await scopes.hostsOf(caller.scope) };
  }

  /** Keeps a call in the record; throws where that cannot be, and then nobody may be answered. */
  async record<Request>(
    call: Asked<Request>,
    { name }: Caller,
    describe: Describe<Request> | undefined,
    results: number,
    code: status | "STARTED",
  ): Promise<void> {
    const timeMs = Date.now();
    await this.#options.record({
      id: `${timeMs.toString(16).padStart(12, "0")}-${randomBytes(6).toString("hex")}`,
      timeMs,
      caller: name,
      peerAddress: call.getPeer(),
      method: call.getPath(),
      request: describe === undefined ? "" : textOf(describe, call.request),
      results,
      status: code === "STARTED" ? code : (status[code] ?? ""),
    });
  }

  count(path: string, code: status): void {
    metrics.queryCalls.inc({ method: path.slice(path.lastIndexOf("/") + 1), code: status[code] ?? "" });
  }

  /** What the caller did wrong is told; what we did wrong is logged. */
  explain(path: string, error: unknown): ServiceError {
    const { shown, code } = this.#errorOf(error);
    this.count(path, code);
    if (shown.code === status.UNAVAILABLE) this.#logger.error({ path, error: String(error) }, "a call failed");
    return shown;
  }

  #errorOf(error: unknown): { shown: ServiceError; code: status } {
    const known = this.#options.explain(error);
    if (known !== undefined) return { shown: known, code: known.code };
    const shown = serviceError(status.UNAVAILABLE, "DATABASE_UNAVAILABLE", "the database did not answer", {}, 1000);
    return { shown, code: status.UNAVAILABLE };
  }
}

/** HTTP/2 and HTTP/1.1 behind our own TLS door: what comes becomes an exchange, within bounds. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Logger } from "@hosttrail/lib/log";
import { type ListenOptions, listenTls, type RunningServer, userOf } from "../serve/index.ts";
import { type Answer, type Exchange, whenOver } from "./exchange.ts";
import { HEADERS } from "./headers.ts";

export type ConsoleListen = Omit<ListenOptions, "clientCertificate" | "protocols">;

const HEADER_BYTES_MAX: number = 16 * 1024;
/** A page with several streams and a search has some ten. */
const STREAMS_PER_CONNECTION_MAX = 128;
/** A connection on which nothing is said for so long is closed; streams say something every 15 s. */
const IDLE_MS = 120_000;
/** Of HTTP/1.1. */
const FIRST_OPTIONS = {
  maxHeaderSize: HEADER_BYTES_MAX,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: IDLE_MS,
  connectionsCheckingInterval: 5000,
} as const;
const TARGET_LENGTH_MAX: number = 8 * 1024;
const LOOK_MS = 20;

/** Serves until it is stopped. `take` answers an exchange. */
export async function listen(
  options: ConsoleListen,
  take: (exchange: Exchange) => Promise<void>,
  logger: Logger,
): Promise<RunningServer> {
  const running = new Set<Answer>();
  const [sessions, sockets] = [new Set<ServerHttp2Session>(), new Set<TLSSocket>()];
  const answer = (
    request: Http2ServerRequest | IncomingMessage,
    response: Http2ServerResponse | ServerResponse,
  ): void => {
    let exchange: Exchange | undefined;
    try {
      exchange = exchangeOf(request, response);
    } catch {
      // Where it ends just now, HTTP/2 throws when it is asked for anything of the connection.
    }
    if (exchange === undefined) {
      request.destroy();
      return;
    }
    const { path, answer: given, over } = exchange;
    running.add(given);
    whenOver(over, () => running.delete(given));
    take(exchange).catch((error: unknown) => {
      logger.error({ path, error: String(error) }, "a request of a browser could not be answered");
      request.destroy();
    });
  };
  const second = createSecureServer(
    { settings: { maxConcurrentStreams: STREAMS_PER_CONNECTION_MAX, maxHeaderListSize: HEADER_BYTES_MAX } },
    answer,
  );
  second.on("session", (session) => {
    sessions.add(session);
    session.setTimeout(IDLE_MS, () => session.close());
    session.on("error", () => undefined);
    session.on("close", () => sessions.delete(session));
  });
  const first = createServer(FIRST_OPTIONS, answer);
  // It takes no connections by itself, and looks after the time that requests take only when it is told that it listens.
  first.emit("listening");
  const listener = await listenTls(
    { ...options, clientCertificate: "optional", protocols: ["h2", "http/1.1"] },
    logger,
    (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      if (socket.alpnProtocol === "h2") second.emit("secureConnection", socket);
      else first.emit("connection", socket);
    },
  );
  return {
    port: listener.port,
    shut: () => listener.close(),
    async stop(deadlineMs) {
      listener.close();
      // No new calls on connections that are there.
      for (const session of sessions) session.close();
      const endMs = performance.now() + deadlineMs;
      while (running.size > 0 && performance.now() < endMs)
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      for (const socket of sockets) socket.destroy();
      first.close();
    },
  };
}

/** Undefined where whoever asked is gone already: a stream outlives its connection for a moment, and has then nobody to answer. */
function exchangeOf(
  request: Http2ServerRequest | IncomingMessage,
  response: Http2ServerResponse | ServerResponse,
): Exchange | undefined {
  const session = "stream" in request ? request.stream.session : undefined;
  if ("stream" in request && (session === undefined || session.destroyed)) return undefined;
  const socket = (session?.socket ?? request.socket) as TLSSocket;
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  // A browser that goes away in the middle is no error of ours.
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  const over = new AbortController();
  response.on("close", () => over.abort());
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, String(value));
  const target = (request.url ?? "").slice(0, TARGET_LENGTH_MAX + 1);
  const [path = "", query = ""] = target.length > TARGET_LENGTH_MAX ? [] : target.split(/\?(.*)/s, 2);
  return {
    method: request.method ?? "",
    path,
    query: new URLSearchParams(query),
    headers: request.headers,
    body: request,
    peer,
    certificate: userOf({
      getAuthContext: () => (socket.authorized ? { sslPeerCertificate: socket.getPeerCertificate() } : {}),
      getPeer: () => peer,
    }),
    answer: response,
    over: over.signal,
  };
}

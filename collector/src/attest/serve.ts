/**
 * The log's files over HTTPS, at the paths of C2SP tlog-tiles, for any tool that reads such logs. There are no secrets in them, but ids of
 * hosts, and when each sent something.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Logger } from "@hosttrail/lib/log";
import { parseTilePath } from "@hosttrail/lib/tlog";
import type { LogReader } from "../logbook/index.ts";
import { type ListenOptions, listenTls } from "../serve/index.ts";

export interface LogServerOptions extends Omit<ListenOptions, "clientCertificate"> {
  /** Why a caller is not let in; undefined where it is. */
  refusal: (socket: TLSSocket, authorization: string | undefined) => Promise<string | undefined>;
}

/** Time for a request's headers, and for all of it. */
const REQUEST_TIMEOUT_MS = 10_000;
const HEADER_BYTES_MAX: number = 16 * 1024;
/** Calls of one connection. */
const REQUESTS_MAX = 10_000;

/** Serves until it is closed. */
export async function serveLog(
  { refusal, ...options }: LogServerOptions,
  reader: LogReader,
  logger: Logger,
): Promise<{ port: number; close(): void }> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const why = await refusal(request.socket as TLSSocket, request.headers.authorization);
    if (why !== undefined) return say(response, 403, why);
    if (request.method !== "GET" && request.method !== "HEAD")
      return say(response, 405, "only GET and HEAD are allowed");
    const path = (request.url ?? "").replace(/^\//, "");
    if (path === "checkpoint") {
      const published = await reader.published();
      if (published === undefined) return say(response, 404, "there is no checkpoint yet");
      return send(response, published.note, "text/plain; charset=utf-8", "no-cache");
    }
    const name = parseTilePath(path);
    const bytes = name === undefined ? undefined : await reader.file(name);
    if (bytes === undefined) return say(response, 404, "there is no such file");
    send(response, bytes, "application/octet-stream", "max-age=31536000, immutable");
  };
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      logger.warn({ error: String(error) }, "a file of the transparency log could not be read");
      if (response.headersSent) response.destroy();
      else say(response, 503, "the log cannot be read now");
    });
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.maxRequestsPerSocket = REQUESTS_MAX;
  // It takes no connections by itself, and holds requests to their time only when it is told that it listens.
  server.emit("listening");
  const listener = await listenTls(
    { ...options, clientCertificate: "optional", protocols: ["http/1.1"] },
    logger,
    (socket) => void server.emit("connection", socket),
  );
  return {
    port: listener.port,
    close() {
      listener.close();
      server.closeAllConnections();
    },
  };
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}

function send(response: ServerResponse, bytes: Uint8Array, type: string, caching: string): void {
  response.writeHead(200, { "content-type": type, "content-length": bytes.length, "cache-control": caching });
  response.end(bytes);
}

/**
 * A witness: cosigns checkpoints of logs that it knows, if they only grew since the last one. Source: C2SP tlog-witness. It needs nothing
 * but a folder; what it has cosigned is on the disk before anybody learns of it.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { readSecretFile } from "@hosttrail/lib/files";
import type { Logger } from "@hosttrail/lib/log";
import { REQUEST_BYTES_MAX } from "@hosttrail/lib/tlog";
import { type Answer, judge, type KnownLog, type WitnessKey } from "./judge.ts";
import { WitnessState } from "./state.ts";

export interface WitnessOptions {
  listen: { host: string; port: number };
  stateDirectory: string;
  /** TLS of its own; undefined where something before it has it. */
  tls: { certificateFile: string; keyFile: string } | undefined;
  logs: readonly KnownLog[];
  key: WitnessKey;
}

export interface RunningWitness {
  port: number;
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;
const HEADER_BYTES_MAX: number = 16 * 1024;
const CONNECTIONS_MAX = 256;
const PATH = "/add-checkpoint";

/** Starts; throws where the folder is another witness's, or the port is taken. */
export async function startWitness(options: WitnessOptions, logger: Logger): Promise<RunningWitness> {
  const state = await WitnessState.open(options.stateDirectory);
  const { logs, key } = options;
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answerTo(request, (body) => judge(body, { logs, key, state, nowMs: Date.now() })).then(
      (answer) => {
        logger.info(
          { status: answer.status, origin: answer.origin, size: answer.size, detail: answer.detail },
          "asked",
        );
        reply(response, answer);
      },
      (error: unknown) => {
        // The disk, most likely: nothing was cosigned.
        logger.error({ error: String(error) }, "a checkpoint could not be kept");
        reply(response, { status: 500, body: "the checkpoint could not be kept\n" });
      },
    );
  };
  const server = serverOf(options.tls, listener);
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.listen, resolve);
  });
  const { port } = server.address() as AddressInfo;
  logger.info({ port, name: key.key.name, logs: logs.map(({ key: { name } }) => name) }, "witness started");
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          state.close();
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function serverOf(
  tls: WitnessOptions["tls"],
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const options = { maxHeaderSize: HEADER_BYTES_MAX };
  if (tls === undefined) return createServer(options, listener);
  const [cert, key] = [readFileSync(tls.certificateFile), readSecretFile(tls.keyFile)];
  return createTlsServer({ ...options, cert, key, minVersion: "TLSv1.2" }, listener);
}

async function answerTo(request: IncomingMessage, answer: (body: Uint8Array) => Answer): Promise<Answer> {
  if (request.url !== PATH) return { status: 404, body: `there is ${PATH} alone\n` };
  if (request.method !== "POST") return { status: 405, body: "only POST is allowed\n" };
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > REQUEST_BYTES_MAX)
      return { status: 413, body: `at most ${String(REQUEST_BYTES_MAX)} bytes are allowed\n` };
    parts.push(part);
  }
  // From here on nothing waits: what is compared with is what is written, whoever else asks.
  return answer(Buffer.concat(parts));
}

function reply(response: ServerResponse, { status, body, type }: Answer): void {
  response.writeHead(status, { "content-type": type ?? "text/plain; charset=utf-8" });
  response.end(body);
}

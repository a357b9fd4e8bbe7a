/**
 * The agent's own door: a socket in its runtime folder, for root alone, that tells how it is. One question a connection,
 * one answer in JSON.
 */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

const SOCKET_NAME = "control.sock";
const CONNECTIONS_MAX = 8;
const ANSWER_BYTES_MAX = 1 << 20;
const TIMEOUT_MS = 5000;

export interface ControlServer {
  close(): void;
}

/** Listens; `status` is asked for each connection. */
export function openControl(directory: string, status: () => unknown): ControlServer {
  const path = join(directory, SOCKET_NAME);
  // Of an earlier life: nobody listens there any more, or this one could not hold the ring.
  rmSync(path, { force: true });
  const server: Server = createServer((socket) => {
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.end(`${JSON.stringify(status())}\n`);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("error", () => server.close());
  server.listen(path, () => chmodSync(path, 0o600));
  server.unref();
  return {
    close() {
      server.close();
      rmSync(path, { force: true });
    },
  };
}

/** Asks a running agent. Throws where none answers. */
export function askControl(directory: string): Promise<unknown> {
  const path = join(directory, SOCKET_NAME);
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (cause: Error): void => {
      reject(new Error(`no agent answers at ${path} (${cause.message}); is it running?`, { cause }));
    };
    const socket = connect(path);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    socket.setEncoding("utf8");
    socket.on("error", fail);
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_BYTES_MAX) socket.destroy(new Error("the answer is too long"));
    });
    socket.on("end", () => {
      try {
        resolve(JSON.parse(text));
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

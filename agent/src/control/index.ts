/**
 * The agent's own door: a socket in its runtime folder, for root alone. One question a connection, a line of JSON each way.
 */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

const SOCKET_NAME = "control.sock";
const CONNECTIONS_MAX = 8;
const ANSWER_BYTES_MAX = 1 << 20;
const QUESTION_BYTES_MAX = 1024;
const TIMEOUT_MS = 15_000;

/** What the agent can be asked. */
export type Question =
  | { ask: "status" }
  | { ask: "emit-canary" | "get-canary"; nonce: string }
  | { ask: "send-quarantined"; keys: string[] }
  | { ask: "announce-end" }
  | { ask: "count-kept"; epoch: string; nextSeq: string };

export interface ControlServer {
  close(): void;
}

/** Listens; what `answer` throws is told as `{error}`. */
export function openControl(directory: string, answer: (question: Question) => unknown): ControlServer {
  const path = join(directory, SOCKET_NAME);
  // Of an earlier life: nobody listens there any more, or this one could not hold the ring.
  rmSync(path, { force: true });
  const server: Server = createServer((socket) => {
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > QUESTION_BYTES_MAX) socket.destroy();
      else if (text.endsWith("\n")) {
        // One question: what comes after it is not read.
        socket.removeAllListeners("data");
        void reply(text, answer).then((line) => socket.end(`${line}\n`));
      }
    });
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

async function reply(text: string, answer: (question: Question) => unknown): Promise<string> {
  try {
    return JSON.stringify((await answer(JSON.parse(text) as Question)) ?? null);
  } catch (error) {
    return JSON.stringify({ error: error instanceof Error ? error.message : String(error) });
  }
}

/** Asks a running agent. Throws where none answers, or where it says why it cannot. */
export function askControl(directory: string, question: Question = { ask: "status" }): Promise<unknown> {
  const path = join(directory, SOCKET_NAME);
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (cause: Error): void => {
      const why =
        (cause as NodeJS.ErrnoException).code === "EACCES"
          ? "only root, or the user that the agent runs as, may ask it"
          : "is it running?";
      reject(new Error(`no agent answers at ${path} (${cause.message}); ${why}`, { cause }));
    };
    const socket = connect(path);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    socket.setEncoding("utf8");
    socket.write(`${JSON.stringify(question)}\n`);
    socket.on("error", fail);
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_BYTES_MAX) socket.destroy(new Error("the answer is too long"));
    });
    socket.on("end", () => {
      try {
        const value = JSON.parse(text) as { error?: string } | null;
        if (typeof value?.error === "string") reject(new Error(value.error));
        else resolve(value);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

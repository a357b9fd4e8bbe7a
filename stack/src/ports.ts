/** Ports of this machine. */
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A port on loopback that nobody listens on right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Waits until somebody listens on a port; `check` may throw to give up at once. */
export async function waitForPort(
  port: number,
  what: string,
  check: () => void,
  timeoutMs = 30_000,
  host = "127.0.0.1",
): Promise<void> {
  for (const end = performance.now() + timeoutMs; performance.now() < end; ) {
    if (await accepts(host, port)) return;
    check();
    await sleep(25);
  }
  throw new Error(`${what} does not listen on port ${port} after ${timeoutMs / 1000} s`);
}

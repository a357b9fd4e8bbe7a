/** Ports of this machine. */
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** From here on ports are nobody's in particular. */
const PORT_MIN = 10_240;
/** Where Linux begins to take ports for connections that ask for none. */
const EPHEMERAL_MIN = 32_768;
const ATTEMPTS_MAX = 100;
/** By this process: whoever asked first may not listen yet. */
const given = new Set<number>();

/**
 * A port on loopback that nobody listens on right now. It is none that the kernel gives to connections: one of those may take it before
 * whoever it is for; and who connects to it until somebody listens would sooner or later be given that very port, and be connected to itself.
 */
export async function freePort(): Promise<number> {
  const below = ephemeralMin();
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = randomInt(PORT_MIN, below);
    if (given.has(port) || !(await isFree(port)) || given.has(port)) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port from ${PORT_MIN} to ${below - 1}, of ${ATTEMPTS_MAX} that were tried`);
}

function ephemeralMin(): number {
  try {
    const [first = ""] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/);
    return Math.max(PORT_MIN + ATTEMPTS_MAX, Number(first) || EPHEMERAL_MIN);
  } catch {
    return EPHEMERAL_MIN;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
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

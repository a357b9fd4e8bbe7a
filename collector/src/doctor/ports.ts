/** Whether what shall be listened at can be. */
import { createServer } from "node:net";
import { type Finding, failed, ok, warning } from "./finding.ts";

/** An address by its key in the configuration: `host:port`. */
export interface NamedListen {
  key: string;
  listen: string;
}

/** `isRunning`: the collector of this configuration answers already, so that the ports are its own. */
export async function checkPorts(listens: readonly NamedListen[], isRunning: boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  const seen = new Map<string, string>();
  for (const { key, listen } of listens) {
    const other = seen.get(listen);
    if (other !== undefined) findings.push(failed(`${key} and ${other} are both ${listen}`));
    else findings.push(await tryListen(key, listen, isRunning));
    seen.set(listen, key);
  }
  return findings;
}

async function tryListen(key: string, listen: string, isRunning: boolean): Promise<Finding> {
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replaceAll(/^\[|\]$/g, "");
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port: Number(listen.slice(colon + 1)), exclusive: true }, resolve);
    });
    await new Promise((resolve) => void server.close(resolve));
    return isRunning
      ? warning(`${key}: nothing listens at ${listen}, though the collector runs: with another configuration?`)
      : ok(`${key}: ${listen} is free`);
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE" && isRunning) return ok(`${key}: the running collector listens at ${listen}`);
    return failed(`${key}: ${listen} cannot be listened at (${MEANINGS[code] ?? code})`);
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there: ss -ltnp",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "ports below 1024 want CAP_NET_BIND_SERVICE",
  ENOTFOUND: "there is no such name",
};

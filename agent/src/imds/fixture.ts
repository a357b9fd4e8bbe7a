/**
 * A stand-in of AWS's instance metadata service, version 2, on HTTP: tokens that end, paths that are not there, and an instance whose tags,
 * spot notice and lifecycle state change.
 * Source: AWS documentation, "Use the Instance Metadata Service to access instance metadata".
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { randomBytes } from "node:crypto";

const TTL_SECONDS_MAX = 21_600;

export interface ImdsStandIn {
  readonly url: string;
  /** What stands at each path, after `/latest/`; what is not here is not found. */
  readonly values: Map<string, string>;
  /** Questions by method and path. */
  readonly asked: Map<string, number>;
  /** Tokens of before are known no more, as after a hibernation. */
  forgetTokens(): void;
  /** Tags of the instance; undefined where it does not show them. */
  setTags(tags: Readonly<Record<string, string>> | undefined): void;
  /** Answers nothing at all while true: a hop limit that ends on the way. */
  isSilent: boolean;
  stop(): Promise<void>;
}

/** `instance`: what stands at each path. On any port of this machine where no other place is said. */
export async function startImds(
  instance: Readonly<Record<string, string>> = {},
  { address = "127.0.0.1", port = 0 }: { address?: string; port?: number } = {},
): Promise<ImdsStandIn> {
  const values = new Map(Object.entries(instance));
  const asked = new Map<string, number>();
  const tokens = new Map<string, number>();
  const server = createServer((request, response) => {
    const name = `${request.method} ${request.url}`;
    asked.set(name, (asked.get(name) ?? 0) + 1);
    if (standIn.isSilent) return;
    const path = (request.url ?? "").replace(/^\/latest\//, "");
    if (request.method === "PUT" && path === "api/token") {
      const seconds = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"] ?? "0");
      // A question that came by way of a proxy gets no token.
      if (request.headers["x-forwarded-for"] !== undefined) response.writeHead(403).end();
      else if (!(seconds >= 1 && seconds <= TTL_SECONDS_MAX)) response.writeHead(400).end();
      else {
        const token = randomBytes(32).toString("base64url");
        tokens.set(token, performance.now() + seconds * 1000);
        response.end(token);
      }
      return;
    }
    const value = values.get(decodeURIComponent(path));
    if (!hasToken(request)) response.writeHead(401).end();
    else if (value === undefined) response.writeHead(404).end();
    else response.end(value);
  });
  const hasToken = (request: IncomingMessage): boolean => {
    const token = String(request.headers["x-aws-ec2-metadata-token"] ?? "");
    return (tokens.get(token) ?? 0) > performance.now();
  };
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  const standIn: ImdsStandIn = {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    values,
    asked,
    isSilent: false,
    forgetTokens: () => tokens.clear(),
    setTags(tags) {
      const folder = "meta-data/tags/instance";
      for (const path of values.keys()) if (path === folder || path.startsWith(`${folder}/`)) values.delete(path);
      if (tags === undefined) return;
      values.set(folder, Object.keys(tags).join("\n"));
      for (const [key, value] of Object.entries(tags)) values.set(`${folder}/${key}`, value);
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return standIn;
}

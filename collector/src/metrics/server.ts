/** The small HTTP server that shows metrics, that the process lives, and whether its roles can work. No secrets, no names of hosts of ours. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { registry } from "./registry.ts";

/** Whether the roles can work; by role, in words. */
interface Report {
  isReady: boolean;
  roles: Readonly<Record<string, string>>;
}

type Look = () => Promise<Report>;

/** Serves /metrics, /livez and /readyz on `host:port`; empty for not at all. */
export async function serveMetrics(listen: string, look: Look): Promise<Server | undefined> {
  if (listen === "") return undefined;
  const colon = listen.lastIndexOf(":");
  const server = createServer((request, response) => {
    answer(request, response, look).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(listen.slice(colon + 1)), listen.slice(0, colon).replace(/^\[|\]$/g, ""), resolve);
  });
  return server;
}

async function answer({ method, url }: IncomingMessage, response: ServerResponse, look: Look): Promise<void> {
  const path = url?.split("?")[0];
  if (method !== "GET" && method !== "HEAD") response.writeHead(405, { allow: "GET, HEAD" }).end();
  else if (path === "/metrics") {
    // What roles can do is one of them.
    await look();
    response.writeHead(200, { "content-type": registry.contentType }).end(await registry.metrics());
  }
  // Whoever reads this was answered: that is all that it says.
  else if (path === "/livez") response.writeHead(200, { "content-type": "text/plain" }).end("ok\n");
  else if (path === "/readyz") {
    const { isReady, roles } = await look();
    response
      .writeHead(isReady ? 200 : 503, { "content-type": "application/json", "cache-control": "no-store" })
      .end(`${JSON.stringify({ ready: isReady, roles })}\n`);
  } else response.writeHead(404).end();
}

/**
 * The door: TLS 1.3, before which nobody is anybody. What a stranger can hold is bounded here: connections in all and by
 * address, and the time in which the handshake must be done.
 */
import { readFileSync, watchFile, unwatchFile } from "node:fs";
import type { Socket } from "node:net";
import { createServer, type Server, type SecureContextOptions, type TLSSocket } from "node:tls";
import { readSecretFile } from "@hosttrail/lib/files";
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";

interface TlsFiles {
  /** Authorities whose clients are trusted. Read again when it changes, as are the others. */
  caFile: string;
  certificateFile: string;
  keyFile: string;
}

export interface ListenOptions {
  /** `host:port` to listen on. */
  listen: string;
  tls: TlsFiles;
  /** "required": whoever has no certificate of our authorities is cut off. "optional": the call decides. */
  clientCertificate: "required" | "optional";
  connectionsMax: number;
  connectionsPerAddressMax: number;
  handshakeTimeoutMs: number;
}

export interface Listener {
  port: number;
  close(): void;
}

const RELOAD_INTERVAL_MS = 2000;
/** Nothing moved on a connection for so long: it is gone. Streams have keepalive. */
const SILENCE_MS = 300_000;

/** Takes connections and hands on those that are through the handshake. */
export function listenTls(
  options: ListenOptions,
  logger: Logger,
  take: (socket: TLSSocket) => void,
): Promise<Listener> {
  const byAddress = new Map<string, number>();
  const server = createServer({
    ...readContext(options.tls),
    minVersion: "TLSv1.3",
    ALPNProtocols: ["h2"],
    requestCert: true,
    rejectUnauthorized: options.clientCertificate === "required",
    handshakeTimeout: options.handshakeTimeoutMs,
  });
  // Node has the raw socket here, before a byte of TLS is read.
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (byAddress.get(address) ?? 0) + 1;
    if (count > options.connectionsPerAddressMax) {
      metrics.connectionsRefused.inc({ reason: "per_address" });
      socket.destroy();
      return;
    }
    byAddress.set(address, count);
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
    socket.once("close", () => {
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left > 0) byAddress.set(address, left);
      else byAddress.delete(address);
    });
  });
  server.maxConnections = options.connectionsMax;
  server.on("drop", () => metrics.connectionsRefused.inc({ reason: "all" }));
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    metrics.connectionsRefused.inc({ reason: "tls" });
    logger.debug({ peer: socket.remoteAddress, code: error.code }, "a TLS handshake failed");
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    if (socket.alpnProtocol === "h2") take(socket);
    else socket.destroy();
  });
  const unwatch = watchContext(options.tls, server, logger);
  const { host, port } = splitListen(options.listen);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      server.on("error", (error) => logger.error({ error: error.message }, "listening"));
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        close() {
          unwatch();
          server.close();
        },
      });
    });
  });
}

function readContext({ caFile, certificateFile, keyFile }: TlsFiles): SecureContextOptions {
  return {
    ca: readFileSync(caFile),
    cert: readFileSync(certificateFile),
    key: readSecretFile(keyFile),
    minVersion: "TLSv1.3",
  };
}

/** New certificates and authorities hold for new connections, without a restart. */
function watchContext(tls: TlsFiles, server: Server, logger: Logger): () => void {
  const files = Object.values(tls);
  const reload = (): void => {
    try {
      server.setSecureContext(readContext(tls));
      logger.info({ files }, "certificates are read again");
    } catch (error) {
      // Half written, or not fitting yet: the next change is looked at again.
      logger.error({ error: String(error) }, "new certificates cannot be used; the old ones stay");
    }
  };
  for (const file of files) watchFile(file, { interval: RELOAD_INTERVAL_MS, persistent: false }, reload);
  return () => {
    for (const file of files) unwatchFile(file, reload);
  };
}

function splitListen(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(":");
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(listen.slice(colon + 1)) };
}

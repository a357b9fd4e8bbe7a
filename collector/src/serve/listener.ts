/**
 * The door: TLS 1.3, before which nobody is anybody. What a stranger can hold is bounded here: connections in all and by
 * address, and the time in which the handshake must be done.
 */
import { createPrivateKey, type X509Certificate } from "node:crypto";
import { readFileSync, watchFile, unwatchFile } from "node:fs";
import { createServer as createDoor, type Socket } from "node:net";
import { createServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import { readSecretFile } from "@hosttrail/lib/files";
import type { Logger } from "@hosttrail/lib/log";
import { certificatesOf } from "@hosttrail/lib/tls";
import { metrics } from "../metrics/index.ts";
import { serverCertificateProblems } from "./certificate.ts";
import { Handshakes } from "./handshakes.ts";
import { noteChain, noteRefusal } from "./peer.ts";

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
  /** What is spoken behind the door, the best first: HTTP/2 where nothing else is said. */
  protocols?: readonly ("h2" | "http/1.1")[];
}

export interface Listener {
  port: number;
  close(): void;
}

const RELOAD_INTERVAL_MS = 2000;

/** Takes connections and hands on those that are through the handshake. */
export function listenTls(
  options: ListenOptions,
  logger: Logger,
  take: (socket: TLSSocket) => void,
): Promise<Listener> {
  const { protocols = ["h2"] } = options;
  const byAddress = new Map<string, number>();
  let context = readContext(options.tls);
  tellProblems(options.tls, context, logger);
  const server = createServer({
    ...context.secure,
    minVersion: "TLSv1.3",
    // Who is offered nothing of ours is told so by an alert. Not ALPNProtocols: Node copies these for each connection into a pool whose 64 KiB
    // they then hold on to, which is 4 KiB a connection.
    ALPNCallback: ({ protocols: offered }) => protocols.find((each) => offered.includes(each)),
    requestCert: true,
    rejectUnauthorized: options.clientCertificate === "required",
    handshakeTimeout: options.handshakeTimeoutMs,
  });
  // Each has its time for the handshake from when it begins.
  const handshakes = new Handshakes<Socket>((socket) => {
    if (!socket.destroyed) server.emit("connection", socket);
  });
  // The raw socket, of which nothing is read yet.
  const door = createDoor({ pauseOnConnect: true }, (socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (byAddress.get(address) ?? 0) + 1;
    if (count > options.connectionsPerAddressMax) {
      metrics.connectionsRefused.inc({ reason: "per_address" });
      socket.destroy();
      return;
    }
    byAddress.set(address, count);
    // No timer of the socket's own: HTTP/2 reads and writes below it, so it would end connections that are busy. Before, the handshake
    // has its time; afterwards gRPC's keepalive ends those that no longer answer.
    socket.once("close", () => {
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left > 0) byAddress.set(address, left);
      else byAddress.delete(address);
    });
    // TLS listens for errors once it has begun.
    socket.on("error", () => undefined);
    handshakes.add(socket);
  });
  door.maxConnections = options.connectionsMax;
  door.on("drop", () => metrics.connectionsRefused.inc({ reason: "all" }));
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    const { authorizationError } = socket;
    metrics.connectionsRefused.inc({ reason: authorizationError ? "certificate" : "tls" });
    if (authorizationError) {
      // Node has hung up already: neither the address nor the certificate can be asked for any more. The client knows both.
      logger.warn({ listen: options.listen, reason: String(authorizationError) }, "a client certificate is not taken");
    } else logger.debug({ peer: socket.remoteAddress, code: error.code }, "a TLS handshake failed");
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    // Programs that speak HTTP/1.1 often say nothing of it.
    if (!protocols.some((each) => each === (socket.alpnProtocol || "http/1.1"))) {
      socket.destroy();
      return;
    }
    noteRefusal(socket, context.authorities);
    noteChain(socket);
    take(socket);
  });
  const unwatch = watchContext(options.tls, logger, (next) => {
    server.setSecureContext(next.secure);
    context = next;
  });
  const { host, port } = splitListen(options.listen);
  return new Promise((resolve, reject) => {
    door.once("error", reject);
    door.listen({ host, port }, () => {
      door.off("error", reject);
      door.on("error", (error) => logger.error({ error: error.message }, "listening"));
      const address = door.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        close() {
          unwatch();
          door.close();
        },
      });
    });
  });
}

/** What is in the files. */
interface Context {
  secure: SecureContextOptions;
  own: readonly X509Certificate[];
  authorities: readonly X509Certificate[];
}

function readContext({ caFile, certificateFile, keyFile }: TlsFiles): Context {
  const [ca, cert, key] = [
    readFileSync(caFile, "utf8"),
    readFileSync(certificateFile, "utf8"),
    readSecretFile(keyFile),
  ];
  const [authorities, own] = [certificatesIn(caFile, ca), certificatesIn(certificateFile, cert)];
  if (own[0]?.checkPrivateKey(createPrivateKey(key)) === false) {
    throw new Error(`${keyFile} is not the key of the first certificate in ${certificateFile}`);
  }
  return { secure: { ca, cert, key, minVersion: "TLSv1.3" }, own, authorities };
}

function certificatesIn(file: string, pem: string): X509Certificate[] {
  try {
    const certificates = certificatesOf(pem);
    if (certificates.length > 0) return certificates;
  } catch (cause) {
    throw new Error(`${file}: a certificate in it cannot be read`, { cause });
  }
  throw new Error(`${file}: there is no certificate in it (PEM)`);
}

/** We would start with any certificate; it is the callers who would refuse it, each on their own. */
function tellProblems({ certificateFile }: TlsFiles, { own, authorities }: Context, logger: Logger): void {
  const endsMs = own.map(({ validTo }) => Date.parse(validTo));
  metrics.certificateExpiry.set(Math.min(...endsMs) / 1000);
  for (const problem of serverCertificateProblems(own, authorities, Date.now())) {
    logger.warn({ file: certificateFile, problem }, "callers may refuse the collector's certificate");
  }
}

/** New certificates and authorities hold for new connections, without a restart. */
function watchContext(tls: TlsFiles, logger: Logger, use: (context: Context) => void): () => void {
  const files = [tls.caFile, tls.certificateFile, tls.keyFile];
  const reload = (): void => {
    try {
      const context = readContext(tls);
      use(context);
      logger.info({ files }, "certificates are read again");
      tellProblems(tls, context, logger);
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

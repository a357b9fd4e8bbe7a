/** The connection to NATS: servers, login, TLS. */
import { connect, credsAuthenticator, type NatsConnection, type TlsOptions } from "@nats-io/transport-node";
import { serversOf } from "./login.ts";

export interface ConnectOptions {
  servers: string[];
  /** Content of a NATS credentials file, or empty. */
  credentials: string;
  /** Nothing is said to a server without TLS where this is given. */
  tls?: NatsTls | undefined;
  /** Subjects of answers begin so; a login may be allowed its own alone. */
  inboxPrefix?: string;
}

/** Files; empty for none. They are read at each connect, so that they may be replaced. */
interface NatsTls {
  /** Authorities that the server's certificate may be of; those of the system where it is empty. */
  caFile: string;
  certificateFile: string;
  keyFile: string;
  /** The server speaks TLS from the first byte on. */
  handshakeFirst: boolean;
}

const CONNECT_RETRY_MS = 500;

/** Waits for the server where it is not there yet, unless it is asked to say that it is not. */
export async function openConnection(options: ConnectOptions, isWaiting = true): Promise<NatsConnection> {
  const { servers, login } = serversOf(options.servers);
  const { tls, inboxPrefix = "", credentials } = options;
  return await connect({
    servers,
    name: "hosttrail-collector",
    maxReconnectAttempts: -1,
    reconnectTimeWait: CONNECT_RETRY_MS,
    waitOnFirstConnect: isWaiting,
    ignoreAuthErrorAbort: isWaiting,
    ...login,
    ...(tls === undefined ? {} : { tls: tlsOf(tls) }),
    ...(inboxPrefix === "" ? {} : { inboxPrefix }),
    ...(credentials === "" ? {} : { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
  });
}

function tlsOf({ caFile, certificateFile, keyFile, handshakeFirst }: NatsTls): TlsOptions {
  return {
    ...(caFile === "" ? {} : { caFile }),
    ...(certificateFile === "" ? {} : { certFile: certificateFile, keyFile }),
    ...(handshakeFirst ? { handshakeFirst } : {}),
  };
}

/** Servers that notifications go to: of HTTP, mail and syslog, on this machine, each of which keeps what it got. */
import { createSocket } from "node:dgram";
import { createServer as createHttp, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  timeMs: number;
}

/** How a path answers: a status, one with headers, or never. */
type Answer = { status: number; headers?: Record<string, string> } | "never";

interface Receiver {
  port: number;
  close(): void;
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port;
}

async function listening(server: Server): Promise<Receiver> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: portOf(server),
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export interface HttpReceiver extends Receiver {
  received: Received[];
  /** What was sent to a path, in the order in which it came. */
  at(path: string): Received[];
  answer(path: string, answer: Answer): void;
}

export async function httpReceiver(): Promise<HttpReceiver> {
  const received: Received[] = [];
  const answers = new Map<string, Answer>();
  const server = createHttp((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = request.url ?? "";
      received.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString(), timeMs: Date.now() });
      const answer = answers.get(path) ?? { status: 204 };
      if (answer !== "never") response.writeHead(answer.status, answer.headers).end();
    });
  });
  return {
    ...(await listening(server)),
    received,
    at: (path) => received.filter((one) => one.path === path),
    answer: (path, answer) => void answers.set(path, answer),
  };
}

export interface MailReceiver extends Receiver {
  /** Envelope and message of each mail. */
  mails: { from: string; to: string[]; login: string; isSecure: boolean; text: string }[];
}

/** What a server shows in TLS; asked for at each connection. */
export type ServerIdentity = () => { key: string; cert: string };

/** A mail server that begins TLS when it is asked to. */
export async function mailReceiver(identity: ServerIdentity): Promise<MailReceiver> {
  const mails: MailReceiver["mails"] = [];
  const server = createTcp((plain) => {
    plain.write("220 test ESMTP\r\n");
    speak(plain, false);
  });
  const speak = (socket: Socket, isSecure: boolean): void => {
    let [text, from, login] = ["", "", ""];
    let to: string[] = [];
    let isData = false;
    const on = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      for (;;) {
        const end = isData ? text.indexOf("\r\n.\r\n") : text.indexOf("\r\n");
        if (end === -1) return;
        const words = text.slice(0, end);
        text = text.slice(end + (isData ? 5 : 2));
        if (isData) {
          mails.push({ from, to, login, isSecure, text: words.replaceAll(/^\.\./gm, ".") });
          isData = false;
          to = [];
          socket.write("250 taken\r\n");
        } else if (words.startsWith("EHLO")) {
          socket.write(isSecure ? "250-test\r\n250 AUTH PLAIN LOGIN\r\n" : "250-test\r\n250 STARTTLS\r\n");
        } else if (words === "STARTTLS") {
          socket.off("data", on);
          socket.write("220 go on\r\n");
          speak(
            new TLSSocket(socket, { isServer: true, ...identity() }).on("error", () => undefined),
            true,
          );
          return;
        } else if (words.startsWith("AUTH PLAIN ")) {
          login = Buffer.from(words.slice(11), "base64").toString();
          socket.write("235 right\r\n");
        } else if (words === "DATA") {
          isData = true;
          socket.write("354 go on\r\n");
        } else {
          if (words.startsWith("MAIL")) from = words;
          if (words.startsWith("RCPT")) to.push(words);
          socket.write(words === "QUIT" ? "221 bye\r\n" : "250 right\r\n");
        }
      }
    };
    socket.on("data", on);
  };
  return { ...(await listening(server)), mails };
}

export interface SyslogReceiver extends Receiver {
  messages: string[];
}

/** Takes messages that are framed by their length, over TCP or TLS. */
export async function syslogReceiver(identity?: ServerIdentity): Promise<SyslogReceiver> {
  const messages: string[] = [];
  const take = (socket: Socket): void => {
    const chunks: Buffer[] = [];
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => {
      let bytes = Buffer.concat(chunks);
      while (bytes.length > 0) {
        const space = bytes.indexOf(" ");
        const length = Number(bytes.subarray(0, space).toString());
        messages.push(bytes.subarray(space + 1, space + 1 + length).toString());
        bytes = bytes.subarray(space + 1 + length);
      }
    });
  };
  const server = createTcp((socket) =>
    take(identity === undefined ? socket : new TLSSocket(socket, { isServer: true, ...identity() })),
  );
  return { ...(await listening(server)), messages };
}

export async function datagramReceiver(): Promise<SyslogReceiver> {
  const messages: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (bytes) => messages.push(bytes.toString()));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { port: portOf(socket), messages, close: () => void socket.close() };
}

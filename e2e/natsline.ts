/** NATS by its own lines, for tests of what somebody does to its streams who is not the collector. */
import { connect, type Socket } from "node:net";
import { once } from "node:events";

const INBOX = "_INBOX.by-hand";

export class NatsLine {
  readonly #socket: Socket;
  #heard = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#heard += chunk.toString("latin1");
      if (this.#heard.includes("PING\r\n")) socket.write("PONG\r\n");
    });
    socket.on("error", () => undefined);
  }

  static async open(url: string): Promise<NatsLine> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.write(`CONNECT {"verbose":false}\r\nSUB ${INBOX} 1\r\n`);
    return new NatsLine(socket);
  }

  /** Asks without waiting for the answer. */
  ask(subject: string, request: unknown): void {
    const text = JSON.stringify(request);
    this.#socket.write(`PUB ${subject} ${INBOX} ${Buffer.byteLength(text)}\r\n${text}\r\n`);
  }

  /** All that the server said. */
  get heard(): string {
    return this.#heard;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Hands one message to a mail server (RFC 5321), within TLS unless the server is this machine. */
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { line } from "@hosttrail/lib/text";
import type { AddressGuard } from "../address.ts";
import { connectionError, DeliveryError } from "../failure.ts";

export interface SmtpOptions {
  host: string;
  port: number;
  tls: "tls" | "starttls" | "none";
  /** Both empty where the server asks for no login. */
  user: string;
  password: string;
  from: string;
  to: readonly string[];
  ca: string;
  guard: AddressGuard;
  timeoutMs: number;
}

interface Reply {
  code: number;
  lines: string[];
}

/** Bytes of a reply; no server has that much to say. */
const REPLY_BYTES_MAX = 16 * 1024;
const REPLY_LINES_MAX = 100;
const REPLY_LENGTH_SHOWN_MAX = 200;

export async function sendMail(message: string, options: SmtpOptions): Promise<void> {
  const { timeoutMs } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  const session = new Session(options);
  // Whatever is waited for fails when the socket goes.
  const end = (): void => session.destroy(new DeliveryError(`no answer within ${timeoutMs} ms`));
  signal.addEventListener("abort", end, { once: true });
  try {
    await session.send(message);
  } catch (error) {
    throw connectionError(error, timeoutMs);
  } finally {
    signal.removeEventListener("abort", end);
    session.destroy();
  }
}

class Session {
  readonly #options: SmtpOptions;
  #socket: Socket;
  #buffer = "";
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(options: SmtpOptions) {
    const { host, port, guard, tls } = options;
    this.#options = options;
    // With STARTTLS nothing but the greeting goes over the plain connection.
    const isPlain = tls === "none";
    guard.check(host, isPlain);
    const about = { host, port, lookup: guard.lookup(isPlain) };
    this.#socket = this.#listen(tls === "tls" ? connectTls({ ...about, ...this.#tlsOptions() }) : connectPlain(about));
  }

  async send(message: string): Promise<void> {
    const { tls, from, to } = this.#options;
    this.#expect(await this.#reply(), 220, "greeting");
    let extensions = await this.#hello();
    if (tls === "starttls") {
      if (!extensions.has("STARTTLS")) throw new DeliveryError("the server has no STARTTLS");
      await this.#command("STARTTLS", 220);
      this.#upgrade();
      extensions = await this.#hello();
    }
    await this.#login(extensions.get("AUTH") ?? "");
    await this.#command(`MAIL FROM:<${from}>`, 250);
    for (const address of to) await this.#command(`RCPT TO:<${address}>`, 250);
    await this.#command("DATA", 354);
    // A line that begins with a dot gets another one (RFC 5321, 4.5.2).
    await this.#command(`${message.replaceAll(/^\./gm, "..")}\r\n.`, 250, "message");
    this.#write("QUIT");
  }

  destroy(error?: Error): void {
    this.#fail(error ?? new DeliveryError("the connection was ended"));
    this.#socket.destroy();
  }

  #tlsOptions(): Record<string, unknown> {
    const { host, ca } = this.#options;
    return { servername: /^[\d.]+$|:/.test(host) ? "" : host, minVersion: "TLSv1.2", ...(ca === "" ? {} : { ca }) };
  }

  #listen(socket: Socket): Socket {
    socket.on("data", (bytes: Buffer) => {
      this.#buffer += bytes.toString("latin1");
      if (this.#buffer.length > REPLY_BYTES_MAX) this.destroy(new DeliveryError("the server says too much"));
      this.#wake();
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new DeliveryError("the server ended the connection")));
    return socket;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  #upgrade(): void {
    const { host } = this.#options;
    // What came with the answer was not said within TLS, and could have been said by anybody.
    if (this.#buffer !== "") throw new DeliveryError("the server speaks before TLS begins");
    const plain = this.#socket;
    plain.removeAllListeners("data").removeAllListeners("error").removeAllListeners("close");
    this.#socket = this.#listen(connectTls({ socket: plain, host, ...this.#tlsOptions() }));
  }

  async #hello(): Promise<Map<string, string>> {
    const { lines } = await this.#command("EHLO hosttrail.invalid", 250);
    return new Map(
      lines.slice(1).map((text) => {
        const [name = "", ...rest] = text.toUpperCase().split(" ");
        return [name, rest.join(" ")];
      }),
    );
  }

  async #login(mechanisms: string): Promise<void> {
    const { user, password } = this.#options;
    if (user === "") return;
    const words = mechanisms.split(" ");
    const encode = (text: string): string => Buffer.from(text).toString("base64");
    if (words.includes("PLAIN")) {
      await this.#command(`AUTH PLAIN ${encode(`\0${user}\0${password}`)}`, 235, "AUTH");
    } else if (words.includes("LOGIN")) {
      await this.#command("AUTH LOGIN", 334, "AUTH");
      await this.#command(encode(user), 334, "AUTH");
      await this.#command(encode(password), 235, "AUTH");
    } else throw new DeliveryError("the server offers neither AUTH PLAIN nor AUTH LOGIN");
  }

  async #command(text: string, code: number, what: string = text): Promise<Reply> {
    this.#write(text);
    const reply = await this.#reply();
    this.#expect(reply, code, what);
    return reply;
  }

  #write(text: string): void {
    this.#socket.write(`${text}\r\n`);
  }

  #expect({ code, lines }: Reply, wanted: number, what: string): void {
    // 251: not a local user, and taken (RFC 5321, 3.4).
    if (code === wanted || (wanted === 250 && code === 251)) return;
    // An answer to a login may have what was sent in it.
    const said = what === "AUTH" ? "" : ` ${line(lines.join(" "), REPLY_LENGTH_SHOWN_MAX)}`;
    // 5yz about the message or who gets it will be said again; one about the login or the connection may not.
    const isPermanent = code >= 550 && code < 560 && (what === "message" || what.startsWith("RCPT"));
    throw new DeliveryError(`SMTP ${code} to ${line(what, 100)}:${said}`, { isPermanent });
  }

  async #reply(): Promise<Reply> {
    const lines: string[] = [];
    for (;;) {
      const end = this.#buffer.indexOf("\r\n");
      if (end === -1) {
        if (this.#failure !== undefined) throw this.#failure;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const text = this.#buffer.slice(0, end);
      this.#buffer = this.#buffer.slice(end + 2);
      const match = /^(\d{3})(?:([ -])(.*))?$/.exec(text);
      if (match === null) throw new DeliveryError("the server does not speak SMTP");
      lines.push(match[3] ?? "");
      if (lines.length > REPLY_LINES_MAX) throw new DeliveryError("the server says too much");
      if (match[2] !== "-") return { code: Number(match[1]), lines };
    }
  }
}

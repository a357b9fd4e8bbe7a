/** A bidirectional gRPC call over a simulated connection, as both sides' libraries show it. */
import { EventEmitter } from "node:events";
import { type Metadata, status } from "@grpc/grpc-js";
import type { Connection } from "./connection.ts";

/** Messages that wait for a reader before whoever writes is asked to stop, as HTTP/2's window does by bytes. */
const WINDOW = 16;

interface Codec<Message> {
  encode(message: Message): Uint8Array;
  decode(bytes: Uint8Array): Message;
}

/** What goes over the connection. */
export type Frame =
  | { kind: "message"; bytes: Uint8Array }
  | { kind: "read" }
  | { kind: "end" }
  | { kind: "cancel" }
  | { kind: "status"; code: status; details: string; metadata: Metadata | undefined };

/** An error as gRPC's client gives it. */
export interface CallError extends Error {
  code: status;
  details: string;
  metadata: Metadata | undefined;
}

export function callError(code: status, details: string, metadata?: Metadata): CallError {
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details, metadata });
}

/** What an agent has of its stream. */
export class ClientCall<Sent, Taken> extends EventEmitter {
  #connection: Connection | undefined;
  readonly #requests: Codec<Sent>;
  readonly #responses: Codec<Taken>;
  readonly #early: Frame[] = [];
  #unread = 0;
  #isOver = false;

  constructor(requests: Codec<Sent>, responses: Codec<Taken>) {
    super();
    this.#requests = requests;
    this.#responses = responses;
  }

  /** The connection is there: what was written meanwhile goes first. */
  open(connection: Connection): void {
    if (this.#isOver) return;
    this.#connection = connection;
    connection.attach(
      "client",
      (frame) => this.#take(frame as Frame),
      (reason) => this.fail(callError(status.UNAVAILABLE, `the connection broke: ${reason}`)),
    );
    for (const frame of this.#early.splice(0)) connection.send("client", frame);
  }

  get writableNeedDrain(): boolean {
    return this.#unread >= WINDOW;
  }

  write(message: Sent): boolean {
    if (this.#isOver) return false;
    this.#unread++;
    this.#send({ kind: "message", bytes: this.#requests.encode(message) });
    return !this.writableNeedDrain;
  }

  end(): void {
    if (!this.#isOver) this.#send({ kind: "end" });
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#send({ kind: "cancel" });
    this.fail(callError(status.CANCELLED, "Cancelled on client"));
  }

  #send(frame: Frame): void {
    if (this.#connection === undefined) this.#early.push(frame);
    else this.#connection.send("client", frame);
  }

  fail(error: CallError): void {
    if (this.#isOver) return;
    this.#finish();
    this.emit("error", error);
    this.emit("end");
  }

  #finish(): void {
    this.#isOver = true;
    this.#connection?.close("client");
  }

  #take(frame: Frame): void {
    if (this.#isOver) return;
    if (frame.kind === "message") this.emit("data", this.#responses.decode(frame.bytes));
    else if (frame.kind === "read") {
      const was = this.writableNeedDrain;
      this.#unread--;
      if (was && !this.writableNeedDrain) this.emit("drain");
    } else if (frame.kind === "status") {
      if (frame.code !== status.OK) this.fail(callError(frame.code, frame.details, frame.metadata));
      else {
        this.#finish();
        this.emit("end");
      }
    }
  }
}

/** What a collector has of it. */
export class ServerCall<Taken, Sent> extends EventEmitter {
  readonly #connection: Connection;
  readonly #requests: Codec<Taken>;
  readonly #responses: Codec<Sent>;
  readonly #certificate: Buffer;
  readonly #waiting: Frame[] = [];
  #isPaused = false;
  #isOver = false;
  /** Told of what it writes. */
  onWrite: (message: Sent) => void = () => undefined;

  constructor(connection: Connection, requests: Codec<Taken>, responses: Codec<Sent>, certificate: Buffer) {
    super();
    this.#connection = connection;
    this.#requests = requests;
    this.#responses = responses;
    this.#certificate = certificate;
    connection.attach(
      "server",
      (frame) => this.#take(frame as Frame),
      () => this.#cancelled(),
    );
    // How a server ends a call with an error.
    this.on("error", (error: CallError) => this.#close(error.code, error.details ?? error.message, error.metadata));
  }

  getAuthContext(): { sslPeerCertificate: { raw: Buffer } } {
    return { sslPeerCertificate: { raw: this.#certificate } };
  }

  getPeer(): string {
    return this.#connection.client.machine.name;
  }

  /** What is written is on its way at once. */
  readonly writableLength = 0;

  write(message: Sent): boolean {
    if (this.#isOver) return false;
    this.onWrite(message);
    this.#connection.send("server", { kind: "message", bytes: this.#responses.encode(message) } satisfies Frame);
    return true;
  }

  end(): void {
    this.#close(status.OK, "", undefined);
  }

  pause(): this {
    this.#isPaused = true;
    return this;
  }

  resume(): this {
    this.#isPaused = false;
    // Never at once: whoever asks is not done yet.
    if (this.#waiting.length > 0) setTimeout(() => this.#drain(), 0);
    return this;
  }

  #drain(): void {
    while (!this.#isPaused && !this.#isOver) {
      const frame = this.#waiting.shift();
      if (frame === undefined) return;
      this.#handle(frame);
    }
  }

  #close(code: status, details: string, metadata: Metadata | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.send("server", { kind: "status", code, details, metadata } satisfies Frame);
    this.#connection.close("server");
  }

  #take(frame: Frame): void {
    if (this.#isOver) return;
    if (frame.kind === "cancel") this.#cancelled();
    else if (this.#isPaused || this.#waiting.length > 0) this.#waiting.push(frame);
    else this.#handle(frame);
  }

  #handle(frame: Frame): void {
    if (frame.kind === "end") this.emit("end");
    if (frame.kind !== "message") return;
    this.#connection.send("server", { kind: "read" } satisfies Frame);
    this.emit("data", this.#requests.decode(frame.bytes));
  }

  #cancelled(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.close("server");
    this.emit("cancelled", "cancelled");
  }
}

/**
 * A connection as a stream of its own between the socket and TLS. Where TLS stands on a socket itself, Node reads into 64 KiB that belong to
 * the connection and keeps them for as long as it is open: more than all else of an agent that mostly waits. From a stream TLS is
 * handed just the bytes that came.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

type Done = (error?: Error | null) => void;

export class Wire extends Duplex {
  readonly #socket: Socket;

  /** Takes a socket of which nothing is read yet, and destroys it with itself. */
  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      if (!this.push(bytes)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#socket.write(bytes, done);
  }

  /** In one call of the system. */
  override _writev(chunks: readonly { chunk: Buffer }[], done: Done): void {
    this.#socket.cork();
    for (const [at, { chunk }] of chunks.entries())
      this.#socket.write(chunk, at === chunks.length - 1 ? done : undefined);
    this.#socket.uncork();
  }

  override _final(done: Done): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#socket.destroy();
    done(error);
  }
}

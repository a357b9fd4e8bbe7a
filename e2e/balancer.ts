/** A balancer of TCP connections on loopback: each goes to the next target that takes it. */
import { connect, createServer, type Server, type Socket } from "node:net";

export class Balancer {
  readonly #server: Server;
  readonly #targets: readonly number[];
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  private constructor(targets: readonly number[]) {
    this.#targets = targets;
    this.#server = createServer((socket) => this.#forward(socket, targets.length));
  }

  /** Ports on this machine. */
  static async open(targets: readonly number[]): Promise<Balancer> {
    const balancer = new Balancer(targets);
    await new Promise<void>((resolve) => void balancer.#server.listen(0, "127.0.0.1", resolve));
    return balancer;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  #forward(socket: Socket, tries: number): void {
    const port = this.#targets[this.#turn++ % this.#targets.length] ?? 0;
    const target = connect(port, "127.0.0.1");
    let isOpen = false;
    socket.on("error", () => target.destroy());
    target.once("connect", () => {
      isOpen = true;
      for (const each of [socket, target]) {
        this.#sockets.add(each);
        each.once("close", () => {
          this.#sockets.delete(each);
          socket.destroy();
          target.destroy();
        });
      }
      socket.pipe(target).pipe(socket);
    });
    target.on("error", () => {
      if (!isOpen && tries > 1) this.#forward(socket, tries - 1);
      else socket.destroy();
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

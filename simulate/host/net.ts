/** Stands in for node:net: nobody listens on this machine's sockets. */
import { EventEmitter } from "node:events";

class NoSocket extends EventEmitter {
  destroy(): this {
    return this;
  }

  write(): boolean {
    return false;
  }

  end(): this {
    return this;
  }
}

export function connect(): NoSocket {
  const socket = new NoSocket();
  setTimeout(() => socket.emit("error", new Error("connect ENOENT")), 1);
  return socket;
}

export function createServer(): never {
  throw new Error("node:net.createServer is not simulated: see simulate/host/net.ts");
}

export function isIP(text: string): number {
  return /^\d+\.\d+\.\d+\.\d+$/.test(text) ? 4 : text.includes(":") ? 6 : 0;
}

export function isIPv4(text: string): boolean {
  return isIP(text) === 4;
}

export function isIPv6(text: string): boolean {
  return isIP(text) === 6;
}

/** Only the class is asked for. */
export { BlockList, Socket, Server } from "node:net";

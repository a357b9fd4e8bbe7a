/** SOCKADDR: the address that a socket call named, as the kernel dumped its bytes. */
import { formatAddress } from "./address.ts";
import { bytesOfHex } from "./text.ts";
import type { Endpoint } from "@hosttrail/proto/event";

// Address families, the same on all Linux architectures. Source: include/linux/socket.h.
const UNIX = 1;
const INET = 2;
const INET6 = 10;
const NETLINK = 16;
const PACKET = 17;

/** auditd's own words about the address; copies of its logs lose the separator before it. */
const ENRICHMENT = "SADDR=";

/** The endpoint, or undefined where the text is no hex. */
export function decodeSocketAddress(text: string): Endpoint | undefined {
  const end = text.indexOf(ENRICHMENT);
  const bytes = bytesOfHex(end < 0 ? text : text.slice(0, end));
  if (bytes === undefined || bytes.length < 2) return undefined;
  const family = familyOf(bytes);
  switch (family) {
    case UNIX:
      return unix(bytes);
    case INET:
      return bytes.length < 8 ? unknown("inet") : internet("inet", dotted(bytes, 4), port(bytes));
    case INET6:
      return bytes.length < 24 ? unknown("inet6") : inet6(bytes);
    case NETLINK:
      return bytes.length < 12 ? unknown("netlink") : named("netlink", `pid ${hostOrder(bytes, 4)}`);
    case PACKET:
      return bytes.length < 8 ? unknown("packet") : named("packet", `interface ${hostOrder(bytes, 4)}`);
    default:
      return unknown(`family-${family}`);
  }
}

/** The family is in the host's order; no known family has a low byte of zero, so the other byte tells. */
function familyOf(bytes: Uint8Array): number {
  const [first = 0, second = 0] = bytes;
  return first === 0 ? second : first + second * 256;
}

function port(bytes: Uint8Array): number {
  return (bytes[2] ?? 0) * 256 + (bytes[3] ?? 0);
}

function dotted(bytes: Uint8Array, at: number): string {
  return bytes.subarray(at, at + 4).join(".");
}

/** Four bytes in the host's order: that of the family, whose one byte is zero. */
function hostOrder(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4);
  return view.getUint32(0, bytes[0] !== 0);
}

/** An IPv4 address that an IPv6 socket spoke to is that address: who looks for it shall find it. */
function inet6(bytes: Uint8Array): Endpoint {
  const address = bytes.subarray(8, 24);
  const groups = Array.from({ length: 8 }, (_, at) => (address[2 * at] ?? 0) * 256 + (address[2 * at + 1] ?? 0));
  return internet("inet6", formatAddress(groups), port(bytes));
}

function unix(bytes: Uint8Array): Endpoint {
  const path = bytes.subarray(2);
  const decoder = new TextDecoder();
  if (path.length === 0) return unknown("unix");
  if (path[0] === 0) {
    // Abstract: all bytes count, shown with the usual "@"; padding at the end is dropped.
    let end = path.length;
    while (end > 1 && path[end - 1] === 0) end--;
    if (end === 1) return unknown("unix");
    const name = `@${decoder.decode(path.subarray(1, end)).replaceAll("\0", "@")}`;
    return { address: name, ip: "", port: 0, path: name, family: "unix" };
  }
  const end = path.indexOf(0);
  const name = decoder.decode(end < 0 ? path : path.subarray(0, end));
  return { address: name, ip: "", port: 0, path: name, family: "unix" };
}

function internet(family: string, ip: string, portNumber: number): Endpoint {
  return { address: ip, ip, port: portNumber, path: "", family };
}

function named(family: string, address: string): Endpoint {
  return { address, ip: "", port: 0, path: "", family };
}

function unknown(family: string): Endpoint {
  return { address: "", ip: "", port: 0, path: "", family };
}

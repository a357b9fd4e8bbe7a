/**
 * Where notifications may go. What answers within a cloud's or an operator's network trusts who is in it, so that a target must not be able
 * to make us speak to it. The address that is checked is the one that is connected to: a name is not resolved twice.
 */
import { lookup as resolve } from "node:dns/promises";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { DeliveryError } from "./failure.ts";

type Family = "ipv4" | "ipv6";

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix = ""] = network.split("/");
    list.addSubnet(address, Number(prefix), address.includes(":") ? "ipv6" : "ipv4");
  }
  return list;
}

/** Never: link-local, the metadata services of clouds, what is no address of one host. */
const NEVER = listOf([
  "0.0.0.0/8",
  "169.254.0.0/16",
  // Of Alibaba, Azure and Oracle.
  "100.100.100.200/32",
  "168.63.129.16/32",
  "192.0.0.192/32",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/128",
  "fe80::/10",
  // Of AWS, its containers' credentials among them.
  "fd00:ec2::/32",
  // Of Google.
  "fd20:ce::254/128",
  "ff00::/8",
]);
const LOOPBACK = listOf(["127.0.0.0/8", "::1/128"]);
/** Only where the configuration says so. */
const PRIVATE = listOf([
  "127.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "::1/128",
  "fc00::/7",
  "fec0::/10",
]);

/** IPv6 networks that lead to the IPv4 address in them: how many 16-bit groups stand before it. */
const LEADS_TO_IPV4 = [
  { list: listOf(["::ffff:0:0/96", "64:ff9b::/96", "::/96"]), groups: 6 },
  { list: listOf(["2002::/16"]), groups: 1 },
] as const;

/** The IPv4 address that an IPv6 address leads to, else the address itself. */
function effective(address: string): { address: string; family: Family } {
  const plain = address.replace(/%.*$/, "");
  if (isIP(plain) !== 6) return { address: plain, family: "ipv4" };
  const place = LEADS_TO_IPV4.find(({ list }) => list.check(plain, "ipv6"));
  const groups = groupsOf(plain);
  if (place === undefined || LOOPBACK.check(plain, "ipv6") || groups.every((group) => group === 0))
    return { address: plain, family: "ipv6" };
  const [high = 0, low = 0] = groups.slice(place.groups);
  return { address: [high >> 8, high & 255, low >> 8, low & 255].join("."), family: "ipv4" };
}

function groupsOf(address: string): number[] {
  // The end may be written as an IPv4 address.
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [before = "", after] = hex.split("::");
  const read = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const head = read(before);
  const tail = read(after ?? "");
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}

export class AddressGuard {
  readonly #allowed: BlockList;
  /** Questions that are under way: a name server that hangs must not take more than one thread for a name. */
  readonly #asked = new Map<string, Promise<{ address: string; family: number }[]>>();

  /** `allowed`: networks within this machine's and the operator's own that may be spoken to. */
  constructor(allowed: readonly string[]) {
    this.#allowed = listOf(allowed);
  }

  /** Why it may not be connected to; undefined where it may. `isPlain`: without TLS, that is only to this machine. */
  problemOf(address: string, isPlain: boolean): string | undefined {
    const { address: checked, family } = effective(address);
    if (isIP(checked) === 0) return `${address} is no address`;
    if (NEVER.check(checked, family)) return `${address} is an address that notifications never go to`;
    if (isPlain && !LOOPBACK.check(checked, family)) return `${address} is another machine, and there is no TLS`;
    if (PRIVATE.check(checked, family) && !this.#allowed.check(checked, family))
      return `${address} is in a private network that notify.allow_addresses does not name`;
    return undefined;
  }

  /** Throws where a host is an address that may not be connected to: sockets ask `lookup` for names only. */
  check(host: string, isPlain: boolean): void {
    const address = host.replace(/^\[(.*)\]$/, "$1");
    const problem = isIP(address) === 0 ? undefined : this.problemOf(address, isPlain);
    if (problem !== undefined) throw new DeliveryError(problem);
  }

  /** In place of a socket's own: gives it only addresses that may be connected to. */
  lookup(isPlain: boolean): LookupFunction {
    return (host, options, callback) => {
      this.#resolve(host).then(
        (found) => {
          const wanted = found.filter(({ family }) => !options.family || options.family === family);
          const problems = wanted.map(({ address }) => this.problemOf(address, isPlain));
          const usable = wanted.filter((_, at) => problems[at] === undefined);
          const [first] = usable;
          const refusal = problems.find((problem) => problem !== undefined) ?? "it has no address";
          if (first === undefined) callback(failed(new DeliveryError(`${host}: ${refusal}`)), "", 0);
          else if (options.all) callback(null, usable);
          else callback(null, first.address, first.family);
        },
        (error: unknown) => callback(error as NodeJS.ErrnoException, "", 0),
      );
    };
  }

  #resolve(host: string): Promise<{ address: string; family: number }[]> {
    let asked = this.#asked.get(host);
    if (asked === undefined) {
      asked = resolve(host, { all: true }).finally(() => this.#asked.delete(host));
      this.#asked.set(host, asked);
    }
    return asked;
  }
}

/** As sockets want their errors. */
function failed(error: DeliveryError): NodeJS.ErrnoException {
  return Object.assign(new Error(error.message, { cause: error }), { code: "EADDRESSREFUSED" });
}

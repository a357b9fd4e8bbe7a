/** Bounds how often one address tries to log in: each has some attempts, which come back evenly. */
import { isIPv6 } from "node:net";

/** Addresses that are remembered; the one that tried longest ago is forgotten. */
const ADDRESSES_MAX = 10_000;
const MINUTE_MS = 60_000;

export class Attempts {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #left = new Map<string, { attempts: number; atMs: number }>();

  /** `now` is a time in milliseconds that never goes back. */
  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /** Takes one of an address's attempts; gives the milliseconds to wait where none is left, else 0. */
  take(address: string): number {
    const network = networkOf(address);
    const nowMs = this.#now();
    const known = this.#left.get(network);
    const since = known === undefined ? 0 : nowMs - known.atMs;
    const before = known?.attempts ?? this.#perMinute;
    const attempts = Math.min(this.#perMinute, before + (since / MINUTE_MS) * this.#perMinute);
    this.#left.delete(network);
    const isLeft = attempts >= 1;
    this.#left.set(network, { attempts: isLeft ? attempts - 1 : attempts, atMs: nowMs });
    if (this.#left.size > ADDRESSES_MAX) this.#left.delete(this.#left.keys().next().value ?? "");
    return isLeft ? 0 : Math.ceil(((1 - attempts) / this.#perMinute) * MINUTE_MS);
  }
}

/** Whoever has an IPv6 address has the 2^64 of its network. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "").replace(/%.*$/, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("::");
  const [front, back] = [head, tail ?? ""].map((part) => (part === "" ? [] : part.split(":")));
  const zeros = tail === undefined ? 0 : 8 - (front?.length ?? 0) - (back?.length ?? 0);
  const groups = [...(front ?? []), ...Array.from({ length: zeros }, () => "0"), ...(back ?? [])];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}

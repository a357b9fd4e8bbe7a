/** Networks in filters: `203.0.113.0/24` and `2001:db8::/32`. */
import { canonicalAddress } from "../audit/index.ts";

interface Address {
  /** 32 or 128. */
  bits: number;
  value: bigint;
}

/** All addresses that begin with the same bits. */
interface Network {
  /** Its first address and its length, in the one form that addresses have. */
  text: string;
  contains(canonical: string): boolean;
}

/** Why a text with a slash is no network, or the network. */
export type NetworkReading = { network: Network } | { problem: string };

/** Bits before an IPv4 address in the IPv6 address that it is mapped to. */
const MAPPED_BITS = 96;

/** Reads `address/length`; undefined where the text does not look like that at all. */
export function readNetwork(text: string): NetworkReading | undefined {
  const [, address = "", digits = ""] = /^([0-9A-Fa-f:.]+)\/(\d{1,3})$/.exec(text) ?? [];
  const canonical = canonicalAddress(address);
  if (canonical === undefined) return undefined;
  const { bits, value } = addressOf(canonical);
  // ::ffff:203.0.113.0/120 is 203.0.113.0/24, as every such address is the IPv4 one.
  const isMapped = bits === 32 && address.includes(":");
  const length = isMapped ? Number(digits) - MAPPED_BITS : Number(digits);
  if (length < 0 || length > bits) {
    const [least, most] = isMapped ? [MAPPED_BITS, MAPPED_BITS + bits] : [0, bits];
    return { problem: `the length of such a network is ${least} to ${most}` };
  }
  const rest = BigInt(bits - length);
  if ((value >> rest) << rest !== value) {
    const first = textOf({ bits, value: (value >> rest) << rest });
    return { problem: `the network is ${first}/${length}, the address alone is ${canonical}` };
  }
  const prefix = value >> rest;
  return {
    network: {
      text: `${canonical}/${length}`,
      contains(other) {
        const asked = addressOf(other);
        return asked.bits === bits && asked.value >> rest === prefix;
      },
    },
  };
}

/** The number of an address in its canonical form. */
function addressOf(canonical: string): Address {
  if (!canonical.includes(":")) {
    return { bits: 32, value: canonical.split(".").reduce((value, octet) => (value << 8n) | BigInt(octet), 0n) };
  }
  const [before = "", after] = canonical.split("::");
  const head = groupsOf(before);
  const tail = groupsOf(after ?? "");
  const gap = after === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: gap }, () => "0"), ...tail];
  return { bits: 128, value: groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n) };
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}

function textOf({ bits, value }: Address): string {
  const size = bits === 32 ? 8 : 16;
  const parts = Array.from({ length: bits / size }, (_, at) =>
    Number((value >> BigInt(bits - size * (at + 1))) & ((1n << BigInt(size)) - 1n)),
  );
  const text = bits === 32 ? parts.join(".") : parts.map((part) => part.toString(16)).join(":");
  return canonicalAddress(text) ?? text;
}

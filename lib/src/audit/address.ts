/** IP addresses: one form for each, whoever wrote it. */

const GROUPS = 8;
const MAPPED_GROUP = 5;

/**
 * The one form of an IP address, or undefined where the text is none. IPv6 is written as RFC 5952 asks: lower case, no leading
 * zeros, the longest run of zeros left out. An IPv4 address that is mapped into IPv6 (`::ffff:203.0.113.9`) is the IPv4 address, as the
 * other side is the same. A zone (`%eth0`) says which interface leads there and is no part of the address.
 */
export function canonicalAddress(text: string): string | undefined {
  if (!text.includes(":")) return octetsOf(text)?.join(".");
  const zone = text.indexOf("%");
  if (zone === text.length - 1) return undefined;
  const groups = groupsOf(zone < 0 ? text : text.slice(0, zone));
  return groups && formatAddress(groups);
}

/** An IPv6 address of eight groups of 16 bits, as `canonicalAddress` writes it. */
export function formatAddress(groups: readonly number[]): string {
  if (isMapped(groups)) {
    const [high = 0, low = 0] = groups.slice(MAPPED_GROUP + 1);
    return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  }
  return compress(groups);
}

function isMapped(groups: readonly number[]): boolean {
  return groups[MAPPED_GROUP] === 0xffff && groups.slice(0, MAPPED_GROUP).every((group) => group === 0);
}

/** RFC 5952: the longest run of two or more zero groups becomes "::", the first one of equals. */
function compress(groups: readonly number[]): string {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < GROUPS; start++) {
    let end = start;
    while (end < GROUPS && groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (best.start < 0) return text(0, GROUPS);
  return `${text(0, best.start)}::${text(best.start + best.length, GROUPS)}`;
}

/** Four decimal numbers up to 255. One with a leading zero is none: some read it as octal. */
function octetsOf(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part))) return undefined;
  const octets = parts.map(Number);
  return octets.every((octet) => octet <= 255) ? octets : undefined;
}

function groupsOf(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [before, after] = halves;
  const first = before === undefined || before === "" ? [] : partsOf(before, after === undefined);
  const last = after === undefined || after === "" ? [] : partsOf(after, true);
  if (first === undefined || last === undefined) return undefined;
  const missing = GROUPS - first.length - last.length;
  if (after === undefined) return missing === 0 ? first : undefined;
  // "::" stands for one group at least: for what stands for none there is no reason to write it.
  return missing < 1 ? undefined : [...first, ...new Array<number>(missing).fill(0), ...last];
}

/** Groups between colons; where the address ends with them, the last two may be written as an IPv4 address. */
function partsOf(text: string, isEnd: boolean): number[] | undefined {
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [at, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const octets = isEnd && at === parts.length - 1 ? octetsOf(part) : undefined;
    if (octets === undefined) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = octets;
    groups.push(a * 256 + b, c * 256 + d);
  }
  return groups.length > GROUPS ? undefined : groups;
}

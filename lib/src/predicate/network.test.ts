import assert from "node:assert/strict";
import { BlockList, type IPVersion, isIPv6 } from "node:net";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalAddress } from "../audit/index.ts";
import { readNetwork } from "./network.ts";

const family = (address: string): IPVersion => (isIPv6(address) ? "ipv6" : "ipv4");

describe("a network", () => {
  it("has the addresses that Node's own block list has in it", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(
        address,
        fc.nat(128),
        fc.array(address, { maxLength: 5 }),
        fc.nat(128),
        (base, length, others, flip) => {
          const canonical = canonicalAddress(base);
          if (canonical === undefined) return;
          const bits = isIPv6(canonical) ? 128 : 32;
          const first = firstOf(`${canonical}/${length % (bits + 1)}`);
          const reading = readNetwork(first);
          assert.ok(reading !== undefined && "network" in reading, first);
          const [start = "", size = ""] = first.split("/");
          const list = new BlockList();
          list.addSubnet(start, Number(size), family(start));
          for (const other of [start, canonical, neighbour(canonical, flip % bits), ...others]) {
            const asked = canonicalAddress(other);
            // Node takes a mapped address for both: here it is the IPv4 one, which no IPv6 network has.
            if (asked === undefined || family(asked) !== family(start)) continue;
            assert.equal(reading.network.contains(asked), list.check(asked, family(asked)), `${asked} in ${first}`);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("is none where the text is no address with a length", () => {
    for (const text of [
      "",
      "/",
      "/24",
      "1.2.3.4",
      "1.2.3.4/",
      "1.2.3.4/x",
      "1.2.3/8",
      "a/8",
      "::/1234",
      "fe80::%e/64",
    ]) {
      assert.equal(readNetwork(text), undefined, text);
    }
  });
});

/** The network that an address with a length is in. */
function firstOf(text: string): string {
  const reading = readNetwork(text);
  assert.ok(reading !== undefined, text);
  return "network" in reading
    ? text
    : (/the network is (\S+),/.exec(reading.problem)?.[1] ?? assert.fail(reading.problem));
}

/** The address with one bit of its last group or octet turned. */
function neighbour(canonical: string, bit: number): string {
  if (!canonical.includes(":")) {
    const octets = canonical.split(".").map(Number);
    octets[bit >> 3] = (octets[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return octets.join(".");
  }
  const at = canonical.lastIndexOf(":") + 1;
  const group = Number.parseInt(canonical.slice(at) || "0", 16) ^ (1 << (bit & 15));
  return `${canonical.slice(0, at)}${group.toString(16)}`;
}

import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalAddress } from "./address.ts";

describe("an IP address", () => {
  it("has one form, whoever wrote it", () => {
    const forms: readonly [string, string][] = [
      ["203.0.113.9", "203.0.113.9"],
      ["::ffff:203.0.113.9", "203.0.113.9"],
      ["::FFFF:203.0.113.9", "203.0.113.9"],
      ["::ffff:cb00:7109", "203.0.113.9"],
      ["0:0:0:0:0:ffff:203.0.113.9", "203.0.113.9"],
      ["2001:DB8::00A", "2001:db8::a"],
      ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"],
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["2001:db8::0:1", "2001:db8::1"],
      ["::", "::"],
      ["0:0:0:0:0:0:0:0", "::"],
      ["::1", "::1"],
      ["1::", "1::"],
      ["64:ff9b::203.0.113.9", "64:ff9b::cb00:7109"],
      ["fe80::1%eth0", "fe80::1"],
    ];
    for (const [text, canonical] of forms) {
      assert.equal(canonicalAddress(text), canonical, text);
      assert.equal(canonicalAddress(canonical), canonical);
    }
  });

  it("is not made of what is none", () => {
    const others =
      "|?|UNKNOWN|host|host.example.org|1.2.3|1.2.3.4.5|1.2.3.256|01.2.3.4|1.2.3.4 |0x1.2.3.4|:|:::|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1::2::3|12345::|g::1|" +
      "1.2.3.4::|::1.2.3|::1.2.3.4:5|1:2:3:4:5:6:7::8|[::1]|::1%|:1:2:3:4:5:6:7|1:2:3:4:5:6:7:|::1/64|1.2.3.4/8|ssh:notty|a:b";
    for (const text of others.split("|")) assert.equal(canonicalAddress(text), undefined, text);
  });

  it("is one where Node's own reader says so, and names the same", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const zeros = fc.constantFrom(0, 0, 1);
    const groups = fc.array(fc.oneof(group, zeros), { minLength: 8, maxLength: 8 });
    const styles = fc.record({ upper: fc.boolean(), padded: fc.boolean() });
    fc.assert(
      fc.property(groups, styles, (numbers, { upper, padded }) => {
        const long = numbers.map((each) => each.toString(16).padStart(padded ? 4 : 1, "0")).join(":");
        const text = upper ? long.toUpperCase() : long;
        const canonical = canonicalAddress(text);
        assert.ok(canonical !== undefined && isIP(canonical) !== 0, text);
        const list = new BlockList();
        list.addAddress(text, "ipv6");
        assert.ok(list.check(isIP(canonical) === 4 ? `::ffff:${canonical}` : canonical, "ipv6"), text);
      }),
      { numRuns: 2000 },
    );
  });

  it("is none where Node's own reader says so", () => {
    const unit = fc.constantFrom("0", "1", "f", "25", ":", "::", ".", "ffff", "g", " ");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 16 }), (text) => {
        if (isIP(text) === 0) assert.equal(canonicalAddress(text), undefined, text);
        else assert.notEqual(canonicalAddress(text), undefined, text);
      }),
      { numRuns: 20_000 },
    );
  });
});

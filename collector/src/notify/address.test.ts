import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AddressGuard } from "./address.ts";
import { DeliveryError } from "./failure.ts";

const strict = new AddressGuard([]);
const open = new AddressGuard([
  "127.0.0.0/8",
  "::1/128",
  "10.0.0.0/8",
  "169.254.0.0/16",
  "fd00::/8",
  "0.0.0.0/0",
  "::/0",
]);

describe("an address", () => {
  const never = [
    ["169.254.169.254", "metadata of most clouds"],
    ["169.254.170.2", "credentials of containers"],
    ["fd00:ec2::254", "metadata of AWS over IPv6"],
    ["fd00:ec2::23", "credentials of pods"],
    ["fd20:ce::254", "metadata of Google over IPv6"],
    ["100.100.100.200", "metadata of Alibaba"],
    ["168.63.129.16", "Azure's wire server"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local with a zone"],
    ["0.0.0.0", "this machine by another name"],
    ["::", "the same over IPv6"],
    ["224.0.0.1", "a group"],
    ["255.255.255.255", "everybody"],
    ["::ffff:169.254.169.254", "metadata in IPv6's clothes"],
    ["::ffff:a9fe:a9fe", "the same in hex"],
    ["64:ff9b::a9fe:a9fe", "metadata through NAT64"],
    ["2002:a9fe:a9fe::1", "metadata through 6to4"],
    ["::169.254.169.254", "metadata in the old form"],
  ] as const;
  for (const [address, what] of never) {
    it(`is refused whatever is allowed: ${address}, ${what}`, () => {
      assert.notEqual(strict.problemOf(address, false), undefined);
      assert.match(open.problemOf(address, false) ?? "", /never go to/);
    });
  }

  const inside = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "fd12::1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
  ];
  for (const address of inside) {
    it(`is refused unless it is allowed: ${address}`, () => {
      assert.match(strict.problemOf(address, false) ?? "", /allow_addresses/);
      assert.equal(open.problemOf(address, false), undefined);
    });
  }

  it("may be any other one", () => {
    for (const address of [
      "192.0.2.1",
      "8.8.8.8",
      "172.32.0.1",
      "100.128.0.1",
      "2001:db8::1",
      "64:ff9b::808:808",
      "::ffff:8.8.8.8",
    ])
      assert.equal(strict.problemOf(address, false), undefined, address);
  });

  it("is this machine's where there is no TLS", () => {
    assert.match(open.problemOf("10.1.2.3", true) ?? "", /no TLS/);
    assert.match(open.problemOf("8.8.8.8", true) ?? "", /no TLS/);
    assert.equal(open.problemOf("127.0.0.1", true), undefined);
    assert.notEqual(strict.problemOf("127.0.0.1", true), undefined);
  });

  it("is looked at also where it stands in place of a name, in each of its forms", () => {
    for (const host of ["127.0.0.1", "[::1]", "::1"]) assert.throws(() => strict.check(host, false), DeliveryError);
    // As URLs read them: 127.1, 0x7f000001 and 2130706433 are all 127.0.0.1.
    for (const text of ["http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://[::ffff:7f00:1]/"])
      assert.throws(() => strict.check(new URL(text).hostname, false), DeliveryError, text);
    strict.check("example.org", false);
  });
});

describe("a name", () => {
  const ask = (guard: AddressGuard, isPlain: boolean, all: boolean): Promise<unknown> =>
    new Promise((resolve, reject) => {
      guard.lookup(isPlain)("localhost", { all }, (error, address) =>
        error === null ? resolve(address) : reject(error),
      );
    });

  it("is refused by what it leads to, and only such addresses are connected to", async () => {
    await assert.rejects(ask(strict, false, true), (error: Error) => error.cause instanceof DeliveryError);
    const found = (await ask(open, true, true)) as { address: string }[];
    assert.ok(found.length > 0 && found.every(({ address }) => ["127.0.0.1", "::1"].includes(address)));
    assert.equal(typeof (await ask(open, false, false)), "string");
  });
});

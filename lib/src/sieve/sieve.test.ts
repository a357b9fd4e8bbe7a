import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { text as textField } from "../predicate/types.ts";
import { fuse } from "./fuse.ts";
import { buildSieve, GROUPS_MAX, gramsAsked, gramsOf, Sieve, SieveBuilder, TextHash } from "./index.ts";

const HEADER_BYTES = 12;

/** Twelve keys' sieve and a text's hash. A change of these is a change of the format, which wants another version. */
const KNOWN_BYTES = "01020600010000000000000000020000000000ce000000b17216001400c19b00000000ed0094000000d500ce00000000";
const KNOWN_HASH = [3_208_612_464, 2_888_181_327];

/** Any text of UTF-16 code units: of all planes, with lone surrogates, NULs, and units that come again. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 24 }),
  fc.array(fc.nat(0xffff), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
  fc.string({
    unit: fc.constantFrom("a", "A", "/", "\0", "é", "e\u0301", "\ud83d", "\ude00", "İ", "ß"),
    maxLength: 24,
  }),
  fc.constantFrom("", "a", "ab", "\0\0\0", "/usr/bin/ls", "\ud83d\ude00\ud83d", "\uffff\uffff\uffff"),
);
const anyField = fc.constantFrom("process.name", "file.path", "user.name");
const anyGroup = fc.nat(GROUPS_MAX - 1);
const u32 = fc.nat(0xffff_ffff);
const anyKeys = fc.array(fc.tuple(u32, u32), { maxLength: 400 });

/** Numbers that look random and are the same each time. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

function randomKeys(count: number, seed: number): { low: Uint32Array; high: Uint32Array } {
  const source = numbers(seed);
  const next = (): number => source.next().value;
  return { low: Uint32Array.from({ length: count }, next), high: Uint32Array.from({ length: count }, next) };
}

function halves(keys: readonly (readonly [number, number])[]): [Uint32Array, Uint32Array] {
  return [Uint32Array.from(keys, ([low]) => low), Uint32Array.from(keys, ([, high]) => high)];
}

function hasAll(sieve: Sieve, low: Uint32Array, high: Uint32Array): boolean {
  return low.every((each, index) => sieve.mayHave(each, high[index] ?? 0));
}

describe("a sieve of keys", () => {
  it("has each key that was taken in", () => {
    fc.assert(
      fc.property(anyKeys, (keys) => {
        const [low, high] = halves(keys);
        assert.ok(hasAll(new Sieve(buildSieve(low, high)), low, high));
      }),
    );
  });

  it("is the same bytes for the same set, in whatever order and however often its keys come", () => {
    fc.assert(
      fc.property(
        anyKeys.chain((keys) =>
          fc.tuple(fc.constant(keys), fc.shuffledSubarray([...keys, ...keys], { minLength: 2 * keys.length })),
        ),
        ([keys, shuffled]) => {
          assert.deepEqual(buildSieve(...halves(shuffled)), buildSieve(...halves(keys)));
        },
      ),
    );
  });

  it("is these very bytes on every machine", () => {
    const { low, high } = randomKeys(12, 7);
    const bytes = Buffer.from(buildSieve(low, high)).toString("hex");
    assert.equal(bytes, KNOWN_BYTES);
  });

  it("is made of any number of keys, few and many, also where the length of segments changes", () => {
    const edges = [92, 180, 2880, 11_519, 11_520, 23_040];
    for (const count of [...Array.from({ length: 130 }, (_, index) => index), ...edges]) {
      const { low, high } = randomKeys(count, count + 1);
      const bytes = buildSieve(low, high);
      const sieve = new Sieve(bytes);
      assert.equal(sieve.overflowed, false);
      assert.ok(hasAll(sieve, low, high), `${count} keys`);
      assert.ok(bytes.length <= HEADER_BYTES + 32 + 2 * count, `${bytes.length} bytes for ${count} keys`);
    }
  });

  it("without keys has none", () => {
    const sieve = new Sieve(buildSieve(new Uint32Array(0), new Uint32Array(0)));
    assert.equal(sieve.mayHave(0, 0), false);
    assert.equal(sieve.mayHave(0xffff_ffff, 1), false);
  });

  it("has one in 256 of the keys that were not taken in, with about nine bits a key, and 200,000 of them in a second", () => {
    const { low, high } = randomKeys(200_000, 99);
    const started = process.cpuUsage();
    const bytes = buildSieve(low, high);
    const { user, system } = process.cpuUsage(started);
    assert.ok(user + system < 1e6, `${(user + system) / 1000} ms`);
    assert.ok((bytes.length * 8) / low.length < 9.2, `${(bytes.length * 8) / low.length} bits a key`);
    const sieve = new Sieve(bytes);
    assert.ok(hasAll(sieve, low, high));
    const others = randomKeys(400_000, 12_345);
    let found = 0;
    for (let index = 0; index < 400_000; index++) {
      if (sieve.mayHave(others.low[index] ?? 0, others.high[index] ?? 0)) found++;
    }
    // 1,562 are expected; five standard deviations are 197.
    assert.ok(Math.abs(found - 400_000 / 256) < 200, `${found} of 400,000`);
  });

  it("has one in 256 of other keys also where keys are neighbours, as trigrams are", () => {
    const low = Uint32Array.from({ length: 20_000 }, (_, index) => ((97 + (index % 26)) << 16) | (97 + (index >> 8)));
    const high = Uint32Array.from({ length: 20_000 }, (_, index) => 97 + ((index >> 3) % 90));
    const sieve = new Sieve(buildSieve(low, high));
    assert.ok(hasAll(sieve, low, high));
    const taken = new Set(low.map((each, index) => each * 256 + (high[index] ?? 0)));
    let asked = 0;
    let found = 0;
    for (let second = 0; second < 128; second++) {
      for (let third = 0; third < 128; third++) {
        for (let first = 190; first < 206; first++) {
          if (taken.has(((second << 16) | third) * 256 + first)) continue;
          asked++;
          if (sieve.mayHave(((second << 16) | third) >>> 0, first)) found++;
        }
      }
    }
    assert.ok(Math.abs(found - asked / 256) < 5 * Math.sqrt(asked / 256), `${found} of ${asked}`);
  });

  it("that no seed could make holds nothing back", () => {
    // Keys that are not distinct stand for those that somebody found.
    const sieve = new Sieve(fuse({ low: Uint32Array.of(1, 1), high: Uint32Array.of(2, 2) }, 0));
    assert.equal(sieve.overflowed, true);
    assert.equal(sieve.mayHave(7, 7), true);
    assert.equal(sieve.mayHavePart(0, "abc"), true);
    assert.equal(sieve.mayHaveTerm("user.name", "root"), true);
  });

  it("refuses halves that are not equally many", () => {
    assert.throws(() => buildSieve(new Uint32Array(2), new Uint32Array(1)), RangeError);
  });
});

describe("a text's hash", () => {
  it("is these very numbers on every machine", () => {
    const { low, high } = new TextHash().begin(1).add("/usr/bin/ls \ud83d").end();
    assert.deepEqual([low, high], KNOWN_HASH);
  });

  it("does not depend on the parts that the text is given in, and does on the seed", () => {
    fc.assert(
      fc.property(anyText, anyText, u32, (one, other, seed) => {
        const whole = new TextHash()
          .begin(seed)
          .add(one + other)
          .end();
        const parts = new TextHash().begin(seed).add(one).add(other).end();
        assert.deepEqual(parts, whole);
        const { low, high } = new TextHash()
          .begin((seed + 1) >>> 0)
          .add(one + other)
          .end();
        assert.ok(low !== whole.low || high !== whole.high);
      }),
    );
  });

  it("is another one for each of two hundred thousand texts that are nearly alike", () => {
    const hash = new TextHash();
    const seen = new Set<bigint>();
    const halvesSeen = [new Set<number>(), new Set<number>()];
    for (let index = 0; index < 200_000; index++) {
      const { low, high } = hash
        .begin(3)
        .add(`/var/lib/${index.toString(36)}/${index % 7}`)
        .end();
      seen.add((BigInt(high) << 32n) | BigInt(low));
      halvesSeen[0]?.add(low);
      halvesSeen[1]?.add(high);
    }
    assert.equal(seen.size, 200_000);
    // Of 200,000 random numbers of 32 bits about five meet.
    for (const half of halvesSeen) assert.ok(half.size > 200_000 - 20, `${200_000 - half.size} meet`);
  });
});

describe("trigrams", () => {
  it("of a part are all trigrams of each text that includes it", () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (before, part, after) => {
        const grams = gramsOf(before + part + after);
        assert.ok([...gramsAsked(part)].every((gram) => grams.has(gram)));
      }),
    );
  });

  it("are none of a part of fewer than three units, and as many as a text has places for", () => {
    for (const short of ["", "a", "ab", "\ud83d\ude00"]) assert.equal(gramsAsked(short).size, 0);
    assert.equal(gramsOf("abcdef").size, 4);
    assert.equal(gramsOf("aaaaaa").size, 1);
    assert.equal(gramsOf("\u{1f600}a").size, 1);
  });

  it("are as a filter compares: by case", () => {
    const builder = new SieveBuilder();
    builder.addText(1, "/etc/SHADOW");
    const sieve = new Sieve(builder.finish());
    assert.equal(sieve.mayHavePart(1, "SHADOW"), true);
    assert.equal(sieve.mayHavePart(1, "shadow"), false);
    const question = textField.ask("shadow", true);
    assert.ok(question !== undefined && "test" in question);
    assert.equal(question.test("/etc/SHADOW"), false);
  });
});

describe("a sieve of terms and texts", () => {
  it("never says no where a filter would find something", () => {
    const contents = fc.record({
      terms: fc.array(fc.tuple(anyField, anyText), { maxLength: 30 }),
      texts: fc.array(fc.tuple(anyGroup, anyText), { maxLength: 30 }),
    });
    fc.assert(
      fc.property(contents, anyText, ({ terms, texts }, part) => {
        const builder = new SieveBuilder();
        for (const [field, value] of terms) builder.addTerm(field, value);
        for (const [group, text] of texts) builder.addText(group, text);
        const sieve = new Sieve(builder.finish());
        for (const [field, value] of terms) assert.ok(sieve.mayHaveTerm(field, value));
        for (const [group, text] of texts) {
          for (let start = 0; start <= text.length; start++) {
            for (let end = start; end <= text.length; end++) {
              assert.ok(sieve.mayHavePart(group, text.slice(start, end)));
            }
          }
          const question = textField.ask(part, true);
          if (question !== undefined && "test" in question && question.test(text)) {
            assert.ok(sieve.mayHavePart(group, part));
          }
        }
      }),
    );
  });

  it("keeps groups, fields and parts of values apart", () => {
    const builder = new SieveBuilder();
    builder.addText(0, "/usr/sbin/useradd");
    builder.addTerm("process.name", "useradd");
    const sieve = new Sieve(builder.finish());
    assert.equal(sieve.mayHavePart(0, "sbin/user"), true);
    assert.equal(sieve.mayHavePart(1, "sbin/user"), false);
    assert.equal(sieve.mayHaveTerm("process.name", "useradd"), true);
    assert.equal(sieve.mayHaveTerm("user.name", "useradd"), false);
    assert.equal(sieve.mayHaveTerm("process.name", "user"), false);
  });

  it("is the same bytes for the same contents in another order", () => {
    const one = new SieveBuilder();
    one.addText(2, "/etc/passwd");
    one.addTerm("user.name", "root");
    one.addText(2, "/etc/shadow");
    const other = new SieveBuilder();
    other.addText(2, "/etc/shadow");
    other.addText(2, "/etc/passwd");
    other.addText(2, "/etc/passwd");
    other.addTerm("user.name", "root");
    assert.deepEqual(other.finish(), one.finish());
    assert.equal(other.size, one.size);
  });

  it("may have all of a group that has too many keys, and nothing more of the others", () => {
    const builder = new SieveBuilder(10);
    builder.addText(0, "/etc/passwd");
    builder.addText(1, "abcdefghijklmnopqrstuvwxyz");
    builder.addTerm("user.name", "root");
    const sieve = new Sieve(builder.finish());
    assert.equal(sieve.overflowed, true);
    assert.equal(sieve.mayHavePart(1, "xyz"), true);
    assert.equal(sieve.mayHavePart(1, "000"), true);
    assert.equal(sieve.mayHavePart(0, "passwd"), true);
    assert.equal(sieve.mayHavePart(0, "shadow"), false);
    assert.equal(sieve.mayHaveTerm("user.name", "nobody"), false);
    for (let user = 0; user < 12; user++) builder.addTerm("user.name", `user${user}`);
    assert.equal(new Sieve(builder.finish()).mayHaveTerm("user.name", "nobody"), true);
  });

  it("has no groups but those from 0 to 30", () => {
    const sieve = new Sieve(new SieveBuilder().finish());
    for (const group of [-1, 31, 0.5, Number.NaN]) {
      assert.throws(() => sieve.mayHavePart(group, "abc"), /^RangeError: group/);
      assert.throws(() => new SieveBuilder().addText(group, "abc"), /^RangeError: group/);
    }
  });
});

describe("a sieve's bytes", () => {
  const { low, high } = randomKeys(300, 5);
  const good = buildSieve(low, high);

  it("are refused with what is wrong", () => {
    const changed = (at: number, value: number): Uint8Array => {
      const bytes = good.slice();
      bytes[at] = value;
      return bytes;
    };
    const cases: [Uint8Array, RegExp][] = [
      [new Uint8Array(0), /a sieve of 0 bytes/],
      [good.subarray(0, 11), /a sieve of 11 bytes/],
      [changed(0, 2), /version 2; known is 1/],
      [changed(1, 15), /segments of 2\^15/],
      [changed(1, 255), /segments of 2\^255/],
      [changed(3, 0xff), /bytes of fingerprints where its header says \d+/],
      [good.subarray(0, -1), /bytes of fingerprints/],
      [Buffer.concat([good, Buffer.alloc(1)]), /bytes of fingerprints/],
      [good.subarray(0, HEADER_BYTES), /0 bytes of fingerprints/],
    ];
    for (const [bytes, why] of cases) {
      assert.throws(
        () => new Sieve(bytes),
        (error) => error instanceof RangeError && why.test(error.message),
      );
    }
  });

  it("are read where they are in a larger buffer", () => {
    const within = Buffer.concat([Buffer.alloc(7, 1), good, Buffer.alloc(5, 1)]).subarray(7, 7 + good.length);
    assert.ok(hasAll(new Sieve(within), low, high));
  });

  it("of any kind are refused by a RangeError or answer", () => {
    const malformed = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .tuple(fc.uint8Array({ minLength: 11, maxLength: 11 }), fc.uint8Array({ maxLength: 600 }))
        .map(([header, rest]) => {
          const [bits = 0, segments = 0, , ...others] = header;
          return Uint8Array.from([1, bits % 8, segments % 8, 0, ...others, ...rest]);
        }),
    );
    fc.assert(
      fc.property(malformed, u32, u32, anyText, (bytes, low, high, text) => {
        let sieve: Sieve;
        try {
          sieve = new Sieve(bytes);
        } catch (error) {
          assert.ok(error instanceof RangeError);
          return;
        }
        assert.equal(typeof sieve.mayHave(low, high), "boolean");
        assert.equal(typeof sieve.mayHaveTerm(text, text), "boolean");
        assert.equal(typeof sieve.mayHavePart(3, text), "boolean");
      }),
    );
  });
});

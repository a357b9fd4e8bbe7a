import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { emptyRoot, leafHash, nodeHash, splitOf } from "./hash.ts";
import {
  GrowingTree,
  parseTilePath,
  proveConsistency,
  proveInclusion,
  rootOf,
  type ReadTile,
  type Tile,
  tilePath,
  TlogError,
  verifyConsistency,
  verifyInclusion,
} from "./index.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Entries and roots of the reference tree. Source: certificate-transparency, merkletree tests (public domain values of RFC 6962). */
const REFERENCE = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
].map((text) => Buffer.from(text, "hex"));
const REFERENCE_ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/** RFC 6962, section 2.1, word by word. */
function naiveRoot(entries: readonly Uint8Array[]): Uint8Array {
  const [first] = entries;
  if (first === undefined) return emptyRoot();
  if (entries.length === 1) return leafHash(first);
  const middle = splitOf(entries.length);
  return nodeHash(naiveRoot(entries.slice(0, middle)), naiveRoot(entries.slice(middle)));
}

function naivePath(index: number, entries: readonly Uint8Array[]): Uint8Array[] {
  if (entries.length === 1) return [];
  const middle = splitOf(entries.length);
  const [left, right] = [entries.slice(0, middle), entries.slice(middle)];
  return index < middle
    ? [...naivePath(index, left), naiveRoot(right)]
    : [...naivePath(index - middle, right), naiveRoot(left)];
}

function naiveSubproof(size: number, entries: readonly Uint8Array[], isKnown: boolean): Uint8Array[] {
  if (size === entries.length) return isKnown ? [] : [naiveRoot(entries)];
  const middle = splitOf(entries.length);
  const [left, right] = [entries.slice(0, middle), entries.slice(middle)];
  return size <= middle
    ? [...naiveSubproof(size, left, isKnown), naiveRoot(right)]
    : [...naiveSubproof(size - middle, right, false), naiveRoot(left)];
}

/** Tiles as a log keeps them; a narrower one is the beginning of a wider one. */
class Tiles {
  readonly #bytes = new Map<string, Uint8Array>();

  put(tiles: readonly Tile[]): void {
    for (const { level, index, width, bytes } of tiles) {
      assert.equal(bytes.length, width * 32);
      const before = this.#bytes.get(`${level}/${index}`) ?? new Uint8Array();
      assert.deepEqual(Buffer.from(bytes.subarray(0, before.length)), Buffer.from(before), "a tile only grows");
      this.#bytes.set(`${level}/${index}`, bytes);
    }
  }

  readonly read: ReadTile = (name) => {
    const bytes = this.#bytes.get(`${name.level}/${name.index}`)?.subarray(0, name.width * 32);
    if (bytes?.length !== name.width * 32) return Promise.reject(new Error(`no ${tilePath(name)}`));
    return Promise.resolve(bytes);
  };
}

const entriesOf = (count: number): Uint8Array[] => Array.from({ length: count }, (_, at) => Buffer.from(`entry ${at}`));

/** Sizes about the edges of tiles among them. */
const sizes = fc.oneof(fc.nat(40), fc.constantFrom(255, 256, 257, 511, 512, 513, 700));

describe("tree of a transparency log", () => {
  it("has the roots of the reference tree of RFC 6962", () => {
    assert.equal(hex(emptyRoot()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const tree = GrowingTree.empty();
    for (const [at, entry] of REFERENCE.entries()) {
      tree.append([entry]);
      assert.equal(hex(tree.root()), REFERENCE_ROOTS[at]);
    }
  });

  it("grows in any pieces to the root and the tiles that RFC 6962 gives, also when it is loaded again between them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sizes, { minLength: 1, maxLength: 5 }), async (pieces) => {
        const tiles = new Tiles();
        const entries: Uint8Array[] = [];
        let tree = GrowingTree.empty();
        for (const piece of pieces) {
          const added = Array.from({ length: piece }, (_, at) => Buffer.from(`${entries.length + at}`));
          tiles.put(tree.append(added));
          entries.push(...added);
          assert.equal(tree.size, entries.length);
          assert.equal(hex(tree.root()), hex(naiveRoot(entries)));
          assert.equal(hex(await rootOf(tree.size, tree.size, tiles.read)), hex(tree.root()));
          tree = await GrowingTree.load(tree.size, tiles.read);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("proves inclusion and consistency as RFC 6962 says, from tiles alone", async () => {
    const entries = entriesOf(1000);
    const tiles = new Tiles();
    tiles.put(GrowingTree.empty().append(entries));
    await fc.assert(
      fc.asyncProperty(fc.oneof(sizes, fc.nat(1000)), fc.nat(999), async (anySize, any) => {
        const size = Math.max(1, Math.min(anySize, 1000));
        const [index, old] = [any % size, any % (size + 1)];
        const tree = { size, root: await rootOf(size, size, tiles.read) };
        const inclusion = await proveInclusion(size, index, tiles.read);
        assert.deepEqual(inclusion.map(hex), naivePath(index, entries.slice(0, size)).map(hex));
        verifyInclusion(tree, index, leafHash(entries[index] as Uint8Array), inclusion);
        const consistency = await proveConsistency(old, size, tiles.read);
        const naive = old === 0 ? [] : naiveSubproof(old, entries.slice(0, size), true);
        assert.deepEqual(consistency.map(hex), naive.map(hex));
        verifyConsistency({ size: old, root: await rootOf(old, size, tiles.read) }, tree, consistency);
      }),
      { numRuns: 150 },
    );
  });

  it("takes no proof that is changed in any way", async () => {
    const entries = entriesOf(300);
    const tiles = new Tiles();
    tiles.put(GrowingTree.empty().append(entries));
    const changes = (proof: readonly Uint8Array[]): Uint8Array[][] => [
      ...proof.map((_, at) => proof.map((hash, other) => (other === at ? leafHash(hash) : hash))),
      ...proof.map((_, at) => proof.filter((_, other) => other !== at)),
      [...proof, emptyRoot()],
      [emptyRoot(), ...proof],
    ];
    for (const [size, small] of [
      [300, 7],
      [300, 256],
      [257, 256],
      [8, 4],
      [5, 3],
      [2, 1],
      [300, 299],
    ] as const) {
      const tree = { size, root: await rootOf(size, size, tiles.read) };
      const old = { size: small, root: await rootOf(small, size, tiles.read) };
      const leaf = leafHash(entries[small - 1] as Uint8Array);
      const inclusion = await proveInclusion(size, small - 1, tiles.read);
      const consistency = await proveConsistency(small, size, tiles.read);
      const refused = (work: () => void): void => assert.throws(work, TlogError);
      for (const changed of changes(inclusion)) refused(() => verifyInclusion(tree, small - 1, leaf, changed));
      for (const changed of changes(consistency)) refused(() => verifyConsistency(old, tree, changed));
      refused(() => verifyInclusion(tree, small, leaf, inclusion));
      refused(() => verifyInclusion(tree, size, leaf, inclusion));
      refused(() => verifyInclusion({ ...tree, root: old.root }, small - 1, leaf, inclusion));
      refused(() => verifyConsistency({ ...old, root: tree.root }, tree, consistency));
      refused(() => verifyConsistency(old, { ...tree, root: old.root }, consistency));
      refused(() => verifyConsistency(tree, old, consistency));
      refused(() => verifyConsistency({ size: 0, root: old.root }, tree, []));
      refused(() => verifyConsistency(tree, { ...tree, root: old.root }, []));
    }
  });
});

describe("paths of tiles", () => {
  it("are those of the specification", () => {
    assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), "tile/0/x001/x234/067");
    assert.equal(tilePath({ level: 5, index: 0, width: 1 }), "tile/5/000.p/1");
    assert.equal(tilePath({ level: "entries", index: 1000, width: 255 }), "tile/entries/x001/000.p/255");
  });

  it("come back as they were, and have one form", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(63), fc.constant("entries" as const)),
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          const name = { level, index, width };
          assert.deepEqual(parseTilePath(tilePath(name)), name);
        },
      ),
    );
    for (const wrong of [
      "tile/0/0",
      "tile/00/000",
      "tile/64/000",
      "tile/0/000.p/0",
      "tile/0/000.p/256",
      "tile/0/000.p/01",
    ])
      assert.equal(parseTilePath(wrong), undefined);
    for (const wrong of ["tile/0/001/000", "tile/0/x000/001", "tile/entry/000", "tile/0/x999/x999/x999/x999/x999/999"])
      assert.equal(parseTilePath(wrong), undefined);
  });
});

/** Sieves of texts: as they were made they have all that was taken in, and changed bytes are refused or answer. */
import assert from "node:assert/strict";
import { GROUPS_MAX, Sieve, SieveBuilder } from "@hosttrail/lib/sieve";
import { mutate, type Random } from "./random.ts";

const TEXTS = [
  "/usr/lib/x86_64-linux-gnu/libc.so.6",
  "/etc/shadow",
  "curl -sSf https://example.com/\u00e9 | sh",
  "\ud83d\ude00\ud83d/\0\uffff",
  "aaaaaaaa",
  "",
];
const TOKENS = ["/", "\0", " ", "\ud83d", "\ude00", "=", "e\u0301", "AbC"];
const HEADER_BYTES = 12;

/** Anybody's question: a yes or a no, and nothing else. */
function ask(sieve: Sieve, random: Random): void {
  const group = random.next(GROUPS_MAX);
  const text = mutate(random, TEXTS, TOKENS).slice(0, 100);
  assert.equal(typeof sieve.mayHave(random.next(0x1_0000_0000), random.next(0x1_0000_0000)), "boolean");
  assert.equal(typeof sieve.mayHaveTerm(text, text), "boolean");
  assert.equal(typeof sieve.mayHavePart(group, text), "boolean");
}

/** Changes a few bytes, mostly of the header, and the length. */
function change(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = bytes.slice();
  for (let count = random.next(4); count > 0; count--) {
    const at = random.next(random.next(4) === 0 ? changed.length : HEADER_BYTES);
    changed[at] = random.next(2) === 0 ? random.next(256) : random.next(8);
  }
  if (random.next(3) === 0) return changed.subarray(0, random.next(changed.length + 1));
  if (random.next(3) === 0) return Buffer.concat([changed, Buffer.alloc(random.next(40), random.next(256))]);
  return changed;
}

export function askMutatedSieve(random: Random): void {
  const builder = new SieveBuilder(random.next(8) === 0 ? 20 : undefined);
  const taken = Array.from({ length: random.next(5) }, () => ({
    group: random.next(GROUPS_MAX),
    text: mutate(random, TEXTS, TOKENS).slice(0, 2000),
  }));
  for (const { group, text } of taken) {
    builder.addText(group, text);
    builder.addTerm("file.path", text);
  }
  const bytes = builder.finish();
  const sieve = new Sieve(bytes);
  for (const { group, text } of taken) {
    const start = random.next(text.length + 1);
    assert.ok(sieve.mayHavePart(group, text.slice(start, start + random.next(20))));
    assert.ok(sieve.mayHaveTerm("file.path", text));
  }
  ask(sieve, random);
  let changed: Sieve;
  try {
    changed = new Sieve(change(bytes, random));
  } catch (error) {
    assert.ok(error instanceof RangeError && error.message.startsWith("a sieve "), String(error));
    return;
  }
  ask(changed, random);
}

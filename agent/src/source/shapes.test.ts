import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RECORD } from "@hosttrail/lib/audit";
import { NO_TEXT, RECORD_HEAD } from "../kernel/index.ts";
import { Shapes } from "./shapes.ts";

const { words: WORDS } = RECORD_HEAD;
const TEXT_LENGTH = 2;
const KNOWN = Array.from({ length: 100 }, (_, number) => `text ${number}`);

/** Heads of a SYSCALL, two other records and an EOE. */
function headsOf(serial: number): Uint32Array {
  const heads = new Uint32Array(4 * WORDS);
  for (const [index, type] of [RECORD.SYSCALL, RECORD.CWD, RECORD.PATH, RECORD.EOE].entries()) {
    const at = index * WORDS;
    heads[at + RECORD_HEAD.type] = type;
    heads[at + RECORD_HEAD.serial] = serial;
    heads[at + RECORD_HEAD.seconds] = 1;
    heads[at + RECORD_HEAD.readable] = 1;
    heads[at + RECORD_HEAD.text] = index === 0 || index === 3 ? NO_TEXT : index;
    heads[at + RECORD_HEAD.actor] = index === 0 ? 9 : NO_TEXT;
  }
  heads[RECORD_HEAD.call] = 1;
  for (let word = RECORD_HEAD.arch; word < WORDS; word++) heads[word] = word;
  return heads;
}

/** Finds what the heads have, having seen the first ones twice. */
function afterTwo(change: (heads: Uint32Array) => void): unknown {
  const shapes = new Shapes(KNOWN);
  const end = 4 * WORDS;
  assert.equal(shapes.find(headsOf(1), 0, end), undefined, "once is not again");
  const shape = shapes.find(headsOf(2), 0, end);
  assert.notEqual(shape, undefined);
  const heads = headsOf(3);
  change(heads);
  const found = shapes.find(heads, 0, end);
  return found === undefined ? "none" : found === shape ? "same" : "other";
}

describe("shapes of events", () => {
  it("are the same where only the stamp, the result and the arguments differ", () => {
    assert.equal(
      afterTwo(() => undefined),
      "same",
    );
    for (let word = RECORD_HEAD.exit; word < WORDS; word++)
      assert.equal(
        afterTwo((heads) => heads.fill(99, word, word + 1)),
        "same",
      );
  });

  it("are others where any record's type or text, the actor or the call is another", () => {
    const words = [
      RECORD_HEAD.actor,
      WORDS + RECORD_HEAD.text,
      2 * WORDS + RECORD_HEAD.text,
      2 * WORDS + RECORD_HEAD.type,
    ];
    for (let word = RECORD_HEAD.arch; word <= RECORD_HEAD.pid; word++) words.push(word);
    for (const word of words)
      assert.notEqual(
        afterTwo((heads) => heads.fill(77, word, word + 1)),
        "same",
        `word ${word}`,
      );
  });

  it("are not looked for where an event is not whole, or has something new", () => {
    const none = (word: number, value: number): void =>
      assert.equal(
        afterTwo((heads) => heads.fill(value, word, word + 1)),
        "none",
        `word ${word}`,
      );
    none(RECORD_HEAD.type, RECORD.PATH);
    none(RECORD_HEAD.call, 0);
    none(RECORD_HEAD.actor + TEXT_LENGTH, 3);
    none(WORDS + RECORD_HEAD.text + TEXT_LENGTH, 3);
    none(WORDS + RECORD_HEAD.serial, 77);
    none(2 * WORDS + RECORD_HEAD.seconds, 77);
    none(2 * WORDS + RECORD_HEAD.milliseconds, 77);
    none(3 * WORDS + RECORD_HEAD.readable, 0);
    none(3 * WORDS + RECORD_HEAD.type, RECORD.PROCTITLE);
    const shapes = new Shapes(KNOWN);
    for (let turn = 0; turn < 3; turn++) assert.equal(shapes.find(headsOf(1), 0, 3 * WORDS), undefined, "no EOE yet");
  });

  it("know a text by what it says, since its number is given to others", () => {
    const known = [...KNOWN];
    const shapes = new Shapes(known);
    for (const serial of [1, 2]) shapes.find(headsOf(serial), 0, 4 * WORDS);
    const shape = shapes.find(headsOf(3), 0, 4 * WORDS);
    assert.notEqual(shape, undefined);
    known[2] = "another text";
    assert.notEqual(shapes.find(headsOf(4), 0, 4 * WORDS), shape);
    shapes.clear();
    assert.equal(shapes.find(headsOf(5), 0, 4 * WORDS), undefined);
  });

  it("give the same call again where its numbers are the same", () => {
    const shapes = new Shapes(KNOWN);
    for (const serial of [1, 2]) shapes.find(headsOf(serial), 0, 4 * WORDS);
    const shape = shapes.find(headsOf(3), 0, 4 * WORDS);
    const call = shape?.callAt(headsOf(3), 0);
    assert.equal(shape?.callAt(headsOf(4), 0), call);
    const other = headsOf(5);
    other[RECORD_HEAD.arguments + 3] = 5;
    const changed = shape?.callAt(other, 0);
    assert.equal(changed?.arguments[1], (5n << 32n) | 23n);
    assert.deepEqual({ ...changed, arguments: call?.arguments }, call);
  });
});

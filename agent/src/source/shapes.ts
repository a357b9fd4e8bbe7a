/**
 * Events that come again. A flood is mostly one program that does the same thing again and again: the records of its events have the same
 * texts, and so the same numbers for them, and only the stamp, the result and the arguments of the call differ. Such an event is found by its
 * records' heads alone, before anything is made of them.
 */
import { type Call, RECORD } from "@hosttrail/lib/audit";
import { NO_TEXT, RECORD_HEAD } from "../kernel/index.ts";
import type { Memory, Shape } from "../model/index.ts";
import { callAt } from "./head.ts";

/** Shapes that are known at once. A power of two. */
const SLOTS = 256;
/** Events of more records rarely come again. */
const COUNT_MAX = 16;
const { words: WORDS, type: TYPE, text: TEXT, actor: ACTOR } = RECORD_HEAD;
const TEXT_LENGTH = 2;
/** What tells a call from others, but for its result and arguments. */
const { arch: CALL_FIRST, pid: CALL_LAST, exit: NUMBERS_FIRST } = RECORD_HEAD;

export class KnownShape implements Shape {
  readonly count: number;
  memory: Memory | undefined;
  readonly #types: number[] = [];
  /** As they are, since numbers are given to other texts after a while. The last one is the actor's. */
  readonly #texts: string[] = [];
  readonly #call: Uint32Array;
  /** Result and arguments of the call before. */
  readonly #numbers: Uint32Array;
  #lastCall: Call;

  constructor(heads: Uint32Array, at: number, count: number, known: readonly string[]) {
    this.count = count;
    for (let index = 0; index < count; index++) {
      this.#types.push(heads[at + index * WORDS + TYPE] as number);
      this.#texts.push(textOf(heads[at + index * WORDS + TEXT] as number, known));
    }
    this.#texts.push(textOf(heads[at + ACTOR] as number, known));
    this.#call = heads.slice(at + CALL_FIRST, at + CALL_LAST + 1);
    this.#numbers = heads.slice(at + NUMBERS_FIRST, at + WORDS);
    this.#lastCall = callAt(heads, at);
  }

  /** True where the event of `count` records that begins there has this shape. */
  is(heads: Uint32Array, at: number, count: number, known: readonly string[]): boolean {
    if (count !== this.count) return false;
    const call = this.#call;
    for (let index = 0; index < call.length; index++) if (heads[at + CALL_FIRST + index] !== call[index]) return false;
    for (let index = 0; index < count; index++) {
      const head = at + index * WORDS;
      if (heads[head + TYPE] !== this.#types[index]) return false;
      if (textOf(heads[head + TEXT] as number, known) !== this.#texts[index]) return false;
    }
    return textOf(heads[at + ACTOR] as number, known) === this.#texts[count];
  }

  /** The call of the event of this shape that begins there. */
  callAt(heads: Uint32Array, at: number): Call {
    const numbers = this.#numbers;
    for (let index = 0; index < numbers.length; index++) {
      if (heads[at + NUMBERS_FIRST + index] === numbers[index]) continue;
      numbers.set(heads.subarray(at + NUMBERS_FIRST, at + WORDS));
      this.#lastCall = callAt(heads, at);
      break;
    }
    return this.#lastCall;
  }
}

function textOf(number: number, known: readonly string[]): string {
  return number === NO_TEXT ? "" : (known[number] as string);
}

export class Shapes {
  /** Texts by their numbers. */
  readonly #known: readonly string[];
  readonly #shapes = new Array<KnownShape | undefined>(SLOTS).fill(undefined);
  /** What came to each slot last and has no shape: only what comes twice gets one. */
  readonly #once = new Uint32Array(SLOTS);

  constructor(known: readonly string[]) {
    this.#known = known;
  }

  /** The shape of the whole event, with its EOE, whose first head begins there; undefined where it is not whole or did not come before. */
  find(heads: Uint32Array, at: number, end: number): KnownShape | undefined {
    if (heads[at + TYPE] !== RECORD.SYSCALL || heads[at + RECORD_HEAD.call] === 0) return undefined;
    if (heads[at + ACTOR + TEXT_LENGTH] !== 0) return undefined;
    let hash = heads[at + ACTOR] as number;
    let count = 0;
    for (let head = at; ; head += WORDS, count++) {
      if (head >= end || count > COUNT_MAX || !isSameStamp(heads, at, head)) return undefined;
      const type = heads[head + TYPE];
      if (type === RECORD.EOE) break;
      if (heads[head + TEXT + TEXT_LENGTH] !== 0) return undefined;
      hash = mix(hash, heads[head + TEXT] as number);
    }
    for (let word = CALL_FIRST; word <= CALL_LAST; word++) hash = mix(hash, heads[at + word] as number);
    const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1);
    const shape = this.#shapes[slot];
    if (shape?.is(heads, at, count, this.#known) === true) return shape;
    if (this.#once[slot] === hash) {
      const added = new KnownShape(heads, at, count, this.#known);
      this.#shapes[slot] = added;
      return added;
    }
    this.#once[slot] = hash;
    return undefined;
  }

  clear(): void {
    this.#shapes.fill(undefined);
    this.#once.fill(0);
  }
}

function isSameStamp(heads: Uint32Array, a: number, b: number): boolean {
  return (
    heads[b + RECORD_HEAD.readable] !== 0 &&
    heads[b + RECORD_HEAD.serial] === heads[a + RECORD_HEAD.serial] &&
    heads[b + RECORD_HEAD.milliseconds] === heads[a + RECORD_HEAD.milliseconds] &&
    heads[b + RECORD_HEAD.seconds] === heads[a + RECORD_HEAD.seconds]
  );
}

/** A step of FNV-1a, by words. */
function mix(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x0100_0193) >>> 0;
}

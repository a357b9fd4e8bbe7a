/**
 * A SYSCALL record whose end, from `auid` on, came before: of it only the numbers of the call are new, and they are read
 * as numbers. Where its words are not exactly as a kernel writes these numbers it is none of these.
 */
import { RECORD } from "./types.ts";
import type { Call, RecordWords } from "./words.ts";

const CALL_KEYS: readonly string[] = "arch syscall success exit a0 a1 a2 a3 items ppid pid".split(" ");
const ACTOR = " auid=";

/** Where a SYSCALL record's words about who acted begin; -1 where it has none. */
export function actorStart(text: string): number {
  const at = text.indexOf(ACTOR);
  return at < 0 ? -1 : at + 1;
}

/** Keys of both halves together, by those of the second one; undefined where that has some of the first one too, as no kernel writes. */
const joinedKeys = new WeakMap<readonly string[], readonly string[] | undefined>();

function joinKeys(actorKeys: readonly string[]): readonly string[] | undefined {
  const known = joinedKeys.get(actorKeys);
  if (known !== undefined || joinedKeys.has(actorKeys)) return known;
  const isOdd = actorKeys.some((key) => CALL_KEYS.includes(key));
  const keys = isOdd ? undefined : [...CALL_KEYS, ...actorKeys];
  joinedKeys.set(actorKeys, keys);
  return keys;
}

/** The words of a call by a known actor. Values are cut out when somebody wants them, which for most calls is nobody. */
class CallWords implements RecordWords {
  readonly type: number = RECORD.SYSCALL;
  readonly keys: readonly string[];
  readonly actor: RecordWords;
  readonly call: Call;

  constructor(keys: readonly string[], call: Call, actor: RecordWords) {
    this.keys = keys;
    this.call = call;
    this.actor = actor;
  }

  get values(): string[] {
    return [...valuesOf(this.call), ...this.actor.values];
  }
}

/** The values of CALL_KEYS as a kernel writes them. */
function valuesOf({ arch, number, success, exit, arguments: values, items, parentPid, pid }: Call): string[] {
  const hex = [...values].map((value) => value.toString(16));
  return [arch.toString(16), String(number), success, String(exit), ...hex, ...[items, parentPid, pid].map(String)];
}

/** The text that `readCall` reads. */
export function writeCall(call: Call): string {
  return valuesOf(call)
    .map((value, at) => `${CALL_KEYS[at]}=${value} `)
    .join("");
}

/** A SYSCALL record of a call and known words about who made it; undefined where those are not the usual ones. */
export function joinActor(call: Call, actor: RecordWords): RecordWords | undefined {
  const keys = joinKeys(actor.keys);
  return keys && new CallWords(keys, call, actor);
}

const ZERO = 0x30;
const NINE = 0x39;
const LOWER_A = 0x61;
const LOWER_F = 0x66;
const SPACE = 0x20;
const TWO_32 = 0x1_0000_0000;
/** What doubles hold exactly. */
const DECIMAL_DIGITS = 15;

// Where `readCall` is in its text. It runs for each event, and calls itself nowhere.
let at = 0;

/** Steps over the word's name; false where another one stands there. */
function skip(text: string, name: string): boolean {
  const start = at;
  // For a few letters faster than startsWith.
  for (let index = 0; index < name.length; index++) {
    if (text.charCodeAt(start + index) !== name.charCodeAt(index)) return false;
  }
  at = start + name.length;
  return true;
}

/** The decimal number up to the next space, written without needless zeros; -1 where there is none, or one above `max`. */
function decimal(text: string, max: number): number {
  const start = at;
  let end = start;
  let value = 0;
  let code = text.charCodeAt(end);
  // Also ends with the text, where the code is NaN.
  while (code >= ZERO && code <= NINE) {
    value = value * 10 + code - ZERO;
    code = text.charCodeAt(++end);
  }
  const digits = end - start;
  if (code !== SPACE || digits === 0 || digits > DECIMAL_DIGITS || value > max) return -1;
  if (digits > 1 && text.charCodeAt(start) === ZERO) return -1;
  at = end + 1;
  return value;
}

/** The halves of the hex number that was read last. */
let high = 0;
let low = 0;

/** Reads the hex number up to the next space, written in lower case without needless zeros; false where there is none of 64 bits. */
function hex(text: string): boolean {
  const start = at;
  let end = start;
  let upper = 0;
  let lower = 0;
  let code = text.charCodeAt(end);
  for (; code !== SPACE; code = text.charCodeAt(++end)) {
    let digit = code - ZERO;
    if (code >= LOWER_A && code <= LOWER_F) digit = code - LOWER_A + 10;
    else if (!(code >= ZERO && code <= NINE)) return false;
    upper = (upper << 4) | (lower >>> 28);
    lower = (lower << 4) | digit;
  }
  const digits = end - start;
  if (digits === 0 || digits > 16 || (digits > 1 && text.charCodeAt(start) === ZERO)) return false;
  at = end + 1;
  high = upper >>> 0;
  low = lower >>> 0;
  return true;
}

const words = new Uint32Array(2);
const bigWord = new BigUint64Array(words.buffer);

/** What the words before `auid` say, with the space behind them; undefined where they are others or are written otherwise. */
export function readCall(text: string): Call | undefined {
  at = 0;
  if (!skip(text, "arch=") || !hex(text) || high !== 0) return undefined;
  const arch = low;
  const number = skip(text, "syscall=") ? decimal(text, TWO_32 - 1) : -1;
  if (number < 0) return undefined;
  const success = skip(text, "success=yes ") ? "yes" : skip(text, "success=no ") ? "no" : undefined;
  if (success === undefined || !skip(text, "exit=")) return undefined;
  const isNegative = skip(text, "-");
  const exit = decimal(text, Number.MAX_SAFE_INTEGER);
  if (exit < 0 || (isNegative && exit === 0)) return undefined;
  const values: bigint[] = [];
  for (const name of ARGUMENTS) {
    if (!skip(text, name) || !hex(text)) return undefined;
    values.push(unsigned());
  }
  const items = skip(text, "items=") ? decimal(text, TWO_32 - 1) : -1;
  if (items < 0) return undefined;
  const parentPid = skip(text, "ppid=") ? decimal(text, TWO_32 - 1) : -1;
  if (parentPid < 0) return undefined;
  const pid = skip(text, "pid=") ? decimal(text, TWO_32 - 1) : -1;
  if (pid < 0 || at !== text.length) return undefined;
  return { arch, number, success, exit: BigInt(isNegative ? -exit : exit), arguments: values, items, parentPid, pid };
}

const ARGUMENTS = ["a0=", "a1=", "a2=", "a3="] as const;

function unsigned(): bigint {
  if (high === 0) return low === 0 ? 0n : BigInt(low);
  words[0] = low;
  words[1] = high;
  return bigWord[0] as bigint;
}

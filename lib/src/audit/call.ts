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

/** The words of a call by a known actor. Values are written when somebody wants them, which for most calls is nobody. */
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

// Numbers without needless zeros, as kernels write them. The decimal ones have at most the digits that a double holds exactly.
const DECIMAL = "(0|[1-9][0-9]{0,14})";
const HEX = "(0|[1-9a-f][0-9a-f]{0,15})";
const CALL = new RegExp(
  `^arch=(0|[1-9a-f][0-9a-f]{0,7}) syscall=${DECIMAL} success=(yes|no) exit=(0|-?[1-9][0-9]{0,14}) ` +
    `a0=${HEX} a1=${HEX} a2=${HEX} a3=${HEX} items=${DECIMAL} ppid=${DECIMAL} pid=${DECIMAL} $`,
);
const UINT32_MAX = 0xffffffff;

/**
 * What the words before `auid` say, with the space behind them; undefined where they are others or are written otherwise. The same as the
 * addon reads (agent/native/record.h), for sources that are text.
 */
export function readCall(text: string): Call | undefined {
  const match = CALL.exec(text);
  if (match === null) return undefined;
  const [, arch = "", syscall = "", success, exit = "", ...rest] = match;
  const values = rest.slice(0, 4).map((value) => BigInt(`0x${value}`));
  const [items = 0, parentPid = 0, pid = 0] = rest.slice(4).map(Number);
  const number = Number(syscall);
  if (Math.max(number, items, parentPid, pid) > UINT32_MAX) return undefined;
  return {
    arch: Number.parseInt(arch, 16),
    number,
    success: success === "yes" ? "yes" : "no",
    exit: BigInt(exit),
    arguments: values,
    items,
    parentPid,
    pid,
  };
}

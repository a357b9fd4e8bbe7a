/** Secrets in an argument list, where a flag, a program or a place says what a word is. */
import { isSecretValue, secretFlag, secretName, secretStart } from "./names.ts";
import { type ProgramRule, PROGRAMS, SCRIPT_FLAG, SCRIPT_PROGRAMS, type Wrapper, WRAPPERS } from "./programs.ts";
import type { Span } from "./spans.ts";
import { cookieSpans } from "./text.ts";

const COMMAND_DEPTH_MAX = 8;

/** A command in an argument list: that of the list itself, or one that a wrapper runs. */
export interface Invocation {
  name: string;
  /** Where its program stands, and where its last word ends. */
  at: number;
  end: number;
}

/** Adds to each word's spans those of the secrets that the words around it tell of. */
export function spansOfArguments(args: readonly string[], spans: Span[][]): void {
  for (const { name, at, end } of invocationsOf(args)) {
    const rules = PROGRAMS.get(name) ?? [];
    flags(args, at, end, rules, spans);
    for (const rule of rules) if (holds(rule, args, at, end) !== undefined) byRule(rule, args, at, end, spans);
  }
}

/** True where the word is a command line of its own, as after `sh -c`, and not just a value with blanks in it. */
export function isScript(args: readonly string[], at: number): boolean {
  return SCRIPT_FLAG.test(args[at - 1] ?? "") || args.slice(0, at).some((word) => SCRIPT_PROGRAMS.has(baseName(word)));
}

/** The command, and those that it runs, outermost first. */
export function invocationsOf(args: readonly string[]): Invocation[] {
  const found: Invocation[] = [];
  let at = skipAssignments(args, 0);
  while (at < args.length && found.length < COMMAND_DEPTH_MAX) {
    const last = found.at(-1);
    if (last !== undefined) last.end = at;
    const name = baseName(args[at] ?? "");
    found.push({ name, at, end: args.length });
    const wrapper = WRAPPERS.get(name);
    const next = (wrapper === undefined ? undefined : commandAfter(args, at, wrapper)) ?? commandAfterDashes(args, at);
    if (next === undefined || next <= at) break;
    at = skipAssignments(args, next);
  }
  return found;
}

function skipAssignments(args: readonly string[], from: number): number {
  let at = from;
  while (at < args.length && /^[A-Za-z_]\w*=/.test(args[at] ?? "")) at++;
  return at;
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `poetry run -- mysql …`, `kubectl exec pod -- mysql …`: known programs only. */
function commandAfterDashes(args: readonly string[], from: number): number | undefined {
  const at = args.indexOf("--", from + 1);
  if (at < 0) return undefined;
  const name = baseName(args[at + 1] ?? "");
  return PROGRAMS.has(name) || WRAPPERS.has(name) ? at + 1 : undefined;
}

function commandAfter(args: readonly string[], from: number, wrapper: Wrapper): number | undefined {
  const { path, takes = "", long = [], switches = [], skip = 0 } = wrapper;
  let at = from + 1;
  if (path !== undefined) {
    const after = path.map((words) => wordsAfter(args, from, args.length, words)).find((found) => found !== undefined);
    if (after === undefined) return undefined;
    at = after;
  }
  let left = skip;
  for (; at < args.length; at++) {
    const word = args[at] ?? "";
    // After `--` stands the command, unless the wrapper's own words do.
    if (word === "--") return left === 0 || path !== undefined ? at + 1 : undefined;
    if (/^[A-Za-z_]\w*=/.test(word)) continue;
    if (!word.startsWith("-") || word === "-") {
      if (left === 0) return at;
      left--;
    } else if (word.startsWith("--")) {
      const isValued = long === "all" ? !switches.includes(word) : long.includes(word);
      if (isValued && !word.includes("=")) at++;
    } else if (takes.includes(valuedFlag(word, takes) ?? "-") && word.endsWith(valuedFlag(word, takes) ?? "-")) at++;
  }
  return undefined;
}

/** The first flag with a value among those after one dash. */
function valuedFlag(word: string, takes: string): string | undefined {
  for (let at = 1; at < word.length; at++) if (takes.includes(word[at] ?? " ")) return word[at];
  return undefined;
}

/** Where the words behind these begin, found in this order; undefined where one lacks. */
function wordsAfter(args: readonly string[], from: number, end: number, words: readonly string[]): number | undefined {
  let at = from + 1;
  for (const word of words) {
    while (at < end && !isWord(args[at] ?? "", word)) at++;
    if (at >= end) return undefined;
    at++;
  }
  return at;
}

/** `-b` is also one of `-nbB`. */
function isWord(given: string, word: string): boolean {
  if (given === word) return true;
  return word.length === 2 && word.startsWith("-") && /^-[A-Za-z]{2,6}$/.test(given) && given.includes(word[1] ?? "");
}

/** Where the words that a rule is about begin; undefined where it does not hold. */
function holds(rule: ProgramRule, args: readonly string[], at: number, end: number): number | undefined {
  return rule.when === undefined ? at + 1 : wordsAfter(args, at, end, rule.when);
}

/** `--password SECRET`; `--password=SECRET` is found as an assignment. */
function flags(
  args: readonly string[],
  from: number,
  end: number,
  rules: readonly ProgramRule[],
  spans: Span[][],
): void {
  for (let at = from; at + 1 < end; at++) {
    const flag = args[at] ?? "";
    if (!flag.startsWith("-")) continue;
    const sureness = secretFlag(flag);
    if (sureness === "none" || rules.some(({ prompts }) => prompts?.includes(flag) === true)) continue;
    if (rules.some(({ cookies, names }) => (cookies ?? names)?.includes(flag) === true)) continue;
    const value = args[at + 1] ?? "";
    if (value.startsWith("-")) continue;
    const start = secretStart(flag, sureness, value);
    if (start !== undefined) spans[at + 1]?.push({ start, end: value.length });
  }
}

/** True for `--secret=name` of a program whose flag takes a name: no secret is assigned. */
export function isNameOnly(args: readonly string[], at: number): boolean {
  const word = args[at] ?? "";
  const equals = word.indexOf("=");
  if (!word.startsWith("--") || equals < 0) return false;
  return invocationsOf(args).some(
    ({ name, at: from, end }) =>
      at > from && at < end && PROGRAMS.get(name)?.some(({ names }) => names?.includes(word.slice(0, equals))) === true,
  );
}

function byRule(rule: ProgramRule, args: readonly string[], from: number, end: number, spans: Span[][]): void {
  const { glued = [], divider = ":" } = rule;
  for (let at = from + 1; at < end; at++) {
    const word = args[at] ?? "";
    const flag = glued.find((each) => word.startsWith(each) && word.length > each.length);
    if (flag !== undefined && !word.startsWith("--")) {
      addValue(word, flag.length, spans[at]);
      continue;
    }
    const next = args[at + 1] ?? "";
    for (const [list, add] of [
      [rule.secret, addValue],
      [rule.pair, (text: string, start: number, to?: Span[]) => addPair(text, start, divider, to)],
      [rule.cookies, addCookies],
      [rule.assigned, addAssigned],
    ] as const) {
      const value = list === undefined ? undefined : valueOfFlag(word, list, rule);
      if (value === undefined) continue;
      if (value < word.length) add(word, value, spans[at]);
      else if (at + 1 < end && !(list === rule.secret && /^-\w$/.test(next))) add(next, 0, spans[at + 1]);
    }
  }
  byPlace(rule, args, from, end, spans);
}

/** Where in the word the value of one of these flags begins; its length where that is the next word; undefined for another word. */
function valueOfFlag(word: string, list: readonly string[], { takes, whole }: ProgramRule): number | undefined {
  for (const flag of list) {
    if (word === flag) return word.length;
    if (flag === "") {
      if (/^[A-Za-z_][\w.]*=/.test(word)) return 0;
    } else if (flag.startsWith("--")) {
      if (word.startsWith(flag) && word[flag.length] === "=") return flag.length + 1;
    } else if (flag.endsWith("=") || (flag.length === 2 && whole !== true)) {
      if (word.startsWith(flag)) return flag.length;
    }
  }
  if (takes === undefined || !/^-[A-Za-z]/.test(word)) return undefined;
  // Several short flags after one dash: the first with a value takes the rest.
  for (let at = 1; at < word.length; at++) {
    const letter = word[at] ?? " ";
    if (list.includes(`-${letter}`)) return at + 1;
    if (takes.includes(letter) || !/[A-Za-z0-9#]/.test(letter)) return undefined;
  }
  return undefined;
}

function byPlace(rule: ProgramRule, args: readonly string[], from: number, end: number, spans: Span[][]): void {
  const { place, named, takes = "", takesLong = [], divider = ":" } = rule;
  const start = holds(rule, args, from, end);
  if (start === undefined || (place === undefined && named !== true)) return;
  const places: number[] = [];
  for (let at = start; at < end; at++) {
    const word = args[at] ?? "";
    if (!word.startsWith("-")) places.push(at);
    else if (takesLong.includes(word) || (word.length === 2 && takes.includes(word[1] ?? " "))) at++;
  }
  if (place !== undefined) {
    const at = places.at(place < 0 ? place : place - 1);
    const text = at === undefined ? "" : (args[at] ?? "");
    if (at === undefined) return;
    if (rule.placePair === true) addPair(text, 0, divider, spans[at], true);
    else if (!text.includes("=") || place > 1) addValue(text, 0, spans[at]);
    return;
  }
  for (let index = 0; index + 1 < places.length; index++) {
    const at = places[index] ?? 0;
    const name = baseName(args[at] ?? "");
    const value = args[at + 1] ?? "";
    // `pypi-token.internal` is the token of a place.
    const sureness =
      [name, name.replace(/(token)\..*/, "$1")].map(secretName).find((found) => found !== "none") ??
      (/oauth\b/.test(name) ? "sure" : "none");
    const secret = name.includes("=") || places[index + 1] !== at + 1 ? undefined : secretStart(name, sureness, value);
    if (secret === undefined) continue;
    spans[at + 1]?.push({ start: secret, end: value.length });
    // A value is no name, whatever it looks like.
    index++;
  }
}

/** `pass:` says that the secret itself follows, and other words where it is. */
function addValue(text: string, from: number, to?: Span[]): void {
  const value = text.slice(from);
  if (!isSecretValue(value)) return;
  to?.push({ start: from + (value.startsWith("pass:") ? 5 : 0), end: text.length });
}

/** `user:secret`; a user alone is asked for the secret. */
function addPair(text: string, from: number, divider: string, to?: Span[], hasHost = false): void {
  let at = text.indexOf(divider, from);
  // A URL's secrets are found as such.
  if (hasHost && text.includes("://")) return;
  // `algorithm:name:secret`
  const next = text.indexOf(divider, at + 1);
  if (text.startsWith("hmac-") && next > 0) at = next;
  if (at < 0 || (divider === "/" && at === from)) return;
  // What stands behind a name's `@` is where it is.
  const end = hasHost ? atSign(text, at) : text.length;
  if (isSecretValue(text.slice(at + 1, end))) to?.push({ start: at + 1, end });
}

function atSign(text: string, from: number): number {
  const at = text.lastIndexOf("@");
  return at > from ? at : text.length;
}

/** Without an assignment it is a file. */
function addCookies(text: string, from: number, to?: Span[]): void {
  to?.push(...cookieSpans(text, from, text.length));
}

/** `NAME=secret` */
function addAssigned(text: string, from: number, to?: Span[]): void {
  const at = text.indexOf("=", from);
  if (at >= 0 && isSecretValue(text.slice(at + 1))) to?.push({ start: at + 1, end: text.length });
}

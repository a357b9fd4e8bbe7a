/**
 * Secrets are replaced before anything touches the disk or becomes known as a process's arguments.
 *
 * A marker stands for each: `[redacted:` and the first 48 bits of a keyed hash, so that equal secrets are seen to be equal, and
 * nobody without the key can try guesses.
 */
import { createHmac } from "node:crypto";
import { RECORD, type RecordWords, recordOf } from "@hosttrail/lib/audit";
import { RE2JS } from "re2js";
import { baseName } from "./arguments.ts";
import { redactArguments, redactCommand } from "./command.ts";
import { PROGRAMS } from "./programs.ts";
import { redactText } from "./text.ts";
import { type Replace, replaceArguments, replaceInRecord } from "./words.ts";

export { readKey } from "./key.ts";

export interface RedactOptions {
  /** False leaves all as it is. */
  enabled: boolean;
  /** Regular expressions in RE2's syntax, which take linear time; a first group is the secret, else the whole match. */
  patterns: readonly string[];
  /** "none": of a command line nothing is kept but the program, whether secrets are looked for or not. */
  arguments?: "redact" | "none";
  /** Key of the markers' hash. */
  key: Uint8Array;
}

/** Stands for an argument, or for all that follows the first word of a line, where none are kept. */
const OMITTED = "[omitted]";

const HASH_DIGITS = 12;
/** Texts known to be clean, at most, and how long. */
const CLEAN_MAX = 1024;
const CLEAN_LENGTH_MAX = 256;
/** Longer texts are looked at up to here; the rest is replaced whole where the beginning had a secret. */
const TEXT_LENGTH_MAX = 65_536;

/** What every secret that is found by its name or its look has near it. Nearly all arguments have none of it, and are done with by this one look. */
const SUSPICIOUS =
  /pass|pwd|secret|token|key|cred|auth|cookie|sign|bearer|psk|otp|pw\b|-pin\b|\bsig=|identified|:\/\/|gh[pousr]_|github_pat|glpat|xox|[srp]k[_-]|AIza|ya29|npm_|pypi-|hv[sbr]\.|dop_v1|SG\.|shp|ATATT|eyJ|PRIVATE/i;
/** Programs with rules of their own: in a line, where the words are not known yet. */
const PROGRAM_IN_LINE = new RegExp(
  `(?<![\\w-])(?:${[...PROGRAMS.keys()].map((name) => name.replaceAll(".", "\\.")).join("|")})(?![\\w-])`,
);

function isSuspiciousText(text: string): boolean {
  return SUSPICIOUS.test(text);
}

function isSuspiciousLine(text: string): boolean {
  return SUSPICIOUS.test(text) || PROGRAM_IN_LINE.test(text);
}

function isSuspiciousList(args: readonly string[]): boolean {
  if (SUSPICIOUS.test(args.length === 1 ? (args[0] ?? "") : args.join("\0"))) return true;
  return args.some((word) => PROGRAMS.has(baseName(word)) || (word.includes(" ") && PROGRAM_IN_LINE.test(word)));
}

/** Finds secrets and replaces them; counts what it did. */
export class Redactor {
  /** Secrets replaced. */
  count = 0;
  readonly #options: RedactOptions;
  readonly #patterns: readonly RE2JS[];
  readonly #replace: Replace;
  /** Paths and names without a secret. A command line of the same text may have one: flags mean something there. */
  readonly #clean = new Set<string>();

  constructor(options: RedactOptions) {
    this.#options = options;
    this.#patterns = options.patterns.map(compilePattern);
    this.#replace = {
      args: (args) => this.arguments(args),
      command: (text) => this.command(text),
      typed: (text) => (this.#keepsNone ? OMITTED : this.command(text)),
      text: (text) => this.text(text),
    };
  }

  get #keepsNone(): boolean {
    return this.#options.arguments === "none";
  }

  readonly #mark = (secret: string): string => {
    this.count++;
    const hash = createHmac("sha256", this.#options.key).update(secret).digest("hex");
    return `[redacted:${hash.slice(0, HASH_DIGITS)}]`;
  };

  /** An argument list; the same one where it has no secret. */
  arguments(args: readonly string[]): readonly string[] {
    if (this.#keepsNone) return this.#withoutArguments(args);
    if (!this.#options.enabled || args.length === 0) return args;
    let redacted = args;
    if (isSuspiciousList(args)) {
      redacted = redactArguments(args.map(bounded), this.#mark);
      if (redacted.every((text, at) => text === args[at])) redacted = args;
    }
    if (this.#patterns.length === 0) return redacted;
    const own = redacted.map((text) => this.#own(text));
    return own.every((text, at) => text === redacted[at]) ? redacted : own;
  }

  #withoutArguments(args: readonly string[]): readonly string[] {
    if (args.length < 2) return args;
    this.count += args.length - 1;
    return args.map((word, at) => (at === 0 ? word : OMITTED));
  }

  /** A command line in one text. */
  command(text: string): string {
    if (this.#keepsNone) {
      const end = text.search(/\s/);
      const first = end < 0 ? text : text.slice(0, end);
      // An assignment before the program, or a path of several words.
      const isProgram = !/[='"]/.test(first);
      if (end < 0 && isProgram) return text;
      this.count++;
      if (!isProgram) return OMITTED;
      return `${text.slice(0, end)} ${OMITTED}`;
    }
    return this.#whole(text, isSuspiciousLine, redactCommand);
  }

  /** Any other text: a path or a name, which most often came before. */
  text(text: string): string {
    if (this.#clean.has(text)) return text;
    const before = this.count;
    const left = this.#whole(text, isSuspiciousText, redactText);
    if (this.count === before && text.length <= CLEAN_LENGTH_MAX) {
      if (this.#clean.size >= CLEAN_MAX) this.#clean.clear();
      this.#clean.add(text);
    }
    return left;
  }

  #whole(text: string, isSuspicious: (text: string) => boolean, redact: typeof redactText): string {
    if (!this.#options.enabled || text === "") return text;
    return this.#own(isSuspicious(text) ? redact(bounded(text), this.#mark) : text);
  }

  #own(text: string): string {
    let result = text;
    for (const pattern of this.#patterns) {
      const matcher = pattern.matcher(result);
      let out = "";
      let at = 0;
      while (matcher.find()) {
        const group = matcher.groupCount() > 0 && matcher.start(1) >= 0 ? 1 : 0;
        if (matcher.end(group) <= matcher.start(group)) continue;
        out +=
          result.slice(at, matcher.start(group)) + this.#mark(result.slice(matcher.start(group), matcher.end(group)));
        at = matcher.end(group);
      }
      if (at > 0) result = out + result.slice(at);
    }
    return result;
  }

  #record(record: RecordWords): void {
    const { memo, actor } = record;
    if (record.type === RECORD.EXECVE) return;
    if (actor !== undefined) {
      // The other words of a call are numbers.
      this.#record(actor);
      return;
    }
    if (memo?.redacted !== undefined) {
      // Its text came before, and what is left of it is there already.
      this.count += memo.redacted;
      return;
    }
    const before = this.count;
    replaceInRecord(record, this.#replace);
    if (memo !== undefined) memo.redacted = this.count - before;
  }

  /** Replaces secrets in an event's records, in place. `args` are those of its EXECVE records; returns what is left of them. */
  records(records: readonly RecordWords[], args: readonly string[]): readonly string[] {
    if (!this.#options.enabled && !this.#keepsNone) return args;
    for (const record of records) this.#record(record);
    // Fragments in several records make one argument together.
    const execution = recordOf(records, RECORD.EXECVE);
    if (execution === undefined) return args;
    const { memo } = execution;
    const once = memo !== undefined && memo.args?.args === args ? memo : undefined;
    if (once?.redacted !== undefined) {
      this.count += once.redacted;
      return args;
    }
    const before = this.count;
    const redacted = this.arguments(args);
    if (redacted !== args) replaceArguments(records, args, redacted);
    if (once?.args !== undefined) {
      once.redacted = this.count - before;
      once.args = { ...once.args, args: redacted as string[] };
    }
    return redacted;
  }
}

/** Text beyond the bound is dropped: it cannot be looked at, and so cannot be kept. */
function bounded(text: string): string {
  return text.length <= TEXT_LENGTH_MAX
    ? text
    : `${text.slice(0, TEXT_LENGTH_MAX)}[cut:${text.length - TEXT_LENGTH_MAX}]`;
}

/** Throws an error that names the pattern and what is wrong with it. */
function compilePattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    throw new Error(`redact pattern "${pattern}": ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

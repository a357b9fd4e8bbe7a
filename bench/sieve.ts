/**
 * `./dev bench sieve`: sieves of the recorded capture's events, their bytes, their making and how often they say "may be there" in vain, beside
 * a Bloom filter of the same keys and the same bytes in the same run.
 *
 * A sieve has what lib/predicate tells it of blocks of 500 events: whole values, and the trigrams of three groups: commands (titles and
 * arguments), paths (of files, programs and folders) and names. Words that are asked for are in no text of their group, of three kinds: `any` are random letters and
 * digits; `alike` are made of the texts' own letters, each as often after the one before it as in the texts; `half` are
 * cut out of two texts and joined. `grams` tells how often a list of all trigrams would have said "may be" in vain.
 */
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { tellSieve } from "@hosttrail/lib/predicate";
import { buildSieve, gramsAsked, gramsOf, Sieve, SieveBuilder, TextHash } from "@hosttrail/lib/sieve";
import type { Event } from "@hosttrail/proto/event";
import { captureGroups, eventsOf, HOST_ID } from "./capture.ts";

const SIZES = [500, 4000] as const;
const BLOCK_EVENTS = 500;
const WORD_LENGTHS = [4, 6, 10] as const;
const WORDS = 5000;
/** Not all lengths and kinds give so many words that are in no text. */
const TRIES_EACH_WORD = 50;
const ROUNDS = 15;
/** Groups of lib/predicate. */
const COMMANDS = 0;
const PATHS = 1;

/** The same numbers in each run, 0 to `bound` - 1. */
let state = 0x2545f491;
function random(bound: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % bound;
}

interface Contents {
  texts: [group: number, text: string][];
  terms: [field: string, value: string][];
}

/** What a sieve of these events would be asked for. */
function contentsOf(events: readonly Event[]): Contents {
  const texts: Contents["texts"] = [];
  const terms: Contents["terms"] = [];
  for (let at = 0; at < events.length; at += BLOCK_EVENTS) {
    const columns = encodeColumns(events.slice(at, at + BLOCK_EVENTS));
    tellSieve(new ColumnBlock(columns, { hostId: HOST_ID, epoch: 1n, firstSeq: BigInt(at) }), {
      addTerm: (field, value) => void terms.push([field, value]),
      addText: (group, text) => void texts.push([group, text]),
    });
  }
  return { texts, terms };
}

function make({ texts, terms }: Contents): SieveBuilder {
  const builder = new SieveBuilder();
  for (const [group, text] of texts) builder.addText(group, text);
  for (const [field, value] of terms) builder.addTerm(field, value);
  return builder;
}

/** A Bloom filter as one would write it: bits by double hashing, as many for a key as is best for its room. */
class Bloom {
  readonly #bits: Uint8Array;
  readonly #each: number;
  readonly #hash = new TextHash();

  constructor(bytes: number, keys: number) {
    this.#bits = new Uint8Array(bytes);
    this.#each = Math.max(1, Math.round((bytes * 8 * Math.LN2) / keys));
  }

  #every(key: string, visit: (bit: number) => boolean): boolean {
    const { low, high } = this.#hash.begin(1).add(key).end();
    for (let turn = 0; turn < this.#each; turn++) {
      if (!visit((low + turn * high + (turn * (turn * turn - 1)) / 6) % (this.#bits.length * 8))) return false;
    }
    return true;
  }

  add(key: string): void {
    this.#every(key, (bit) => {
      this.#bits[bit >> 3] = (this.#bits[bit >> 3] ?? 0) | (1 << (bit & 7));
      return true;
    });
  }

  mayHave(key: string): boolean {
    return this.#every(key, (bit) => ((this.#bits[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0);
  }

  mayHavePart(group: number, part: string): boolean {
    return [...gramsAsked(part)].every((gram) => this.mayHave(`${group}:${gram}`));
  }
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const KINDS = ["any", "alike", "half"] as const;
type Kind = (typeof KINDS)[number];

/** Makes words of a kind out of the texts of a group. */
function maker(kind: Kind, texts: readonly string[]): (length: number) => string {
  const pick = (): string => texts[random(texts.length)] ?? "";
  if (kind === "any") {
    return (length) => Array.from({ length }, () => LETTERS.charAt(random(LETTERS.length))).join("");
  }
  const cut = (length: number): string => {
    const text = pick();
    const start = random(Math.max(1, text.length - length + 1));
    return text.slice(start, start + length);
  };
  if (kind === "half") return (length) => cut(length >> 1) + cut(length - (length >> 1));
  const after = new Map<string, string[]>();
  for (const text of texts) {
    for (let at = 0; at + 1 < text.length; at++) {
      const next = after.get(text.charAt(at));
      if (next === undefined) after.set(text.charAt(at), [text.charAt(at + 1)]);
      else next.push(text.charAt(at + 1));
    }
  }
  return (length) => {
    let word = cut(1);
    while (word.length < length) {
      const next = after.get(word.slice(-1));
      if (next === undefined) return "";
      word += next[random(next.length)] ?? "";
    }
    return word;
  };
}

/** Words that no text includes. */
function absentWords(kind: Kind, length: number, texts: readonly string[]): string[] {
  const next = maker(kind, texts);
  const all = texts.join("\n");
  const words: string[] = [];
  const wordsMax = kind === "any" ? WORDS : WORDS / 5;
  for (let tries = wordsMax * TRIES_EACH_WORD; tries > 0 && words.length < wordsMax; tries--) {
    const word = next(length);
    if (word.length === length && !all.includes(word)) words.push(word);
  }
  return words;
}

function share(words: readonly string[], says: (word: string) => boolean): string {
  return words.length === 0 ? "-" : `${((100 * words.filter(says).length) / words.length).toFixed(2)} %`;
}

/** Milliseconds of CPU time that the making takes, the best and the median of some rounds. */
function timeOf(run: () => void): [best: number, median: number] {
  const times = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  }).toSorted((a, b) => a - b);
  return [times[0] ?? 0, times[ROUNDS >> 1] ?? 0];
}

function print(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)));
    process.stdout.write(`  ${cells.join("  ")}\n`);
  }
}

function bench(events: readonly Event[], contents: Contents): void {
  const builder = make(contents);
  const bytes = builder.finish();
  const sieve = new Sieve(bytes);
  const terms = new Set(contents.terms.map((term) => term.join("=")));
  const grams = [new Set<number>(), new Set<number>()];
  for (const [group, text] of contents.texts) for (const gram of gramsOf(text)) grams[group]?.add(gram);
  const bloom = new Bloom(bytes.length, builder.size);
  for (const term of terms) bloom.add(term);
  for (const [group, all] of grams.entries()) for (const gram of all) bloom.add(`${group}:${gram}`);
  const [best, median] = timeOf(() => make(contents).finish());
  const fuses = timeOf(() => builder.finish());
  process.stdout.write(
    `${events.length} events: ${terms.size} terms, ${grams[PATHS]?.size} trigrams of paths, ${grams[COMMANDS]?.size} of commands\n` +
      `  ${bytes.length} bytes: ${((bytes.length * 8) / builder.size).toFixed(2)} bits a key, ${(bytes.length / events.length).toFixed(2)} bytes an event; ` +
      `${(bytes[4] ?? 0) + 1} seeds tried\n` +
      `  made in ${best.toFixed(1)} ms of CPU (median ${median.toFixed(1)}), of which the filter itself ${fuses[0].toFixed(1)}: ` +
      `${((1000 * best) / events.length).toFixed(2)} microseconds an event\n`,
  );
  const rows = [["group", "absent words", "words", "grams", "sieve", "Bloom"]];
  for (const [group, name] of ["paths", "commands"].entries()) {
    const texts = [...new Set(contents.texts.flatMap(([of, text]) => (of === group && text !== "" ? [text] : [])))];
    for (const kind of KINDS) {
      for (const length of WORD_LENGTHS) {
        const words = absentWords(kind, length, texts);
        rows.push([
          name,
          `${kind}, ${length} characters`,
          String(words.length),
          share(words, (word) => [...gramsAsked(word)].every((gram) => grams[group]?.has(gram))),
          share(words, (word) => sieve.mayHavePart(group, word)),
          share(words, (word) => bloom.mayHavePart(group, word)),
        ]);
      }
    }
  }
  const absent = Array.from({ length: WORDS * 20 }, (_, index) => `/absent/${index}`);
  rows.push([
    "terms",
    "absent values",
    String(absent.length),
    "0.00 %",
    share(absent, (value) => sieve.mayHaveTerm("file.path", value)),
    share(absent, (value) => bloom.mayHave(`file.path=${value}`)),
  ]);
  print(rows);
  process.stdout.write("\n");
}

const captured = eventsOf(captureGroups());
process.stdout.write(`capture: ${captured.length} events\n\n`);
const repeated = (size: number): Event[] =>
  Array.from({ length: size }, (_, index) => captured[index % captured.length]).filter((event) => event !== undefined);
for (const size of SIZES) {
  if (size > captured.length)
    process.stdout.write("the capture is repeated from its beginning, which adds no trigram:\n");
  const events = repeated(size);
  bench(events, contentsOf(events));
}

process.stdout.write(
  "the same, with another 32 hex digits at the end of each path and command, as identifiers of containers have:\n",
);
const events = repeated(SIZES[1]);
const contents = contentsOf(events);
const digits = (): string =>
  Array.from({ length: 4 }, () => random(0x1_0000_0000).toString(16).padStart(8, "0")).join("");
bench(events, { ...contents, texts: contents.texts.map(([group, text]) => [group, `${text}/${digits()}`]) });

const low = Uint32Array.from({ length: 200_000 }, () => random(0x1_0000_0000));
const high = Uint32Array.from({ length: 200_000 }, () => random(0x1_0000_0000));
const [best, median] = timeOf(() => buildSieve(low, high));
process.stdout.write(
  `200,000 random keys: made in ${best.toFixed(0)} ms of CPU (median ${median.toFixed(0)}), ${((buildSieve(low, high).length * 8) / 200_000).toFixed(2)} bits a key\n`,
);

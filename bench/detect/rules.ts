/**
 * Rules as people write them, made from recorded events: which categories, modifiers and fields are as frequent as in the public rules for
 * Linux, counted in 2026-08 (process_creation 144 of 248, auditd 54, file_event 18, network_connection 5; contains 252, endswith 235,
 * all 56, startswith 26, re 14, cidr 1). Most ask for what is in no event; the others for what is in a few.
 */
import type { Document, Routed } from "./documents.ts";

export interface MadeRule {
  title: string;
  text: string;
}

/** The same numbers for the same seed. */
function numbers(seed: number): (bound: number) => number {
  let state = seed | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

const LOGSOURCES: Readonly<Record<string, string>> = {
  process_creation: "{ product: linux, category: process_creation }",
  file_event: "{ product: linux, category: file_event }",
  network_connection: "{ product: linux, category: network_connection }",
  auditd: "{ product: linux, service: auditd }",
};

/** Routes by how many rules of a hundred are of each. */
const SHARES: readonly [route: string, upTo: number][] = [
  ["process_creation", 65],
  ["auditd", 90],
  ["file_event", 97],
  ["network_connection", 100],
];

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  process_creation: [
    "CommandLine",
    "CommandLine",
    "Image",
    "Image",
    "ParentImage",
    "ParentCommandLine",
    "User",
    "CurrentDirectory",
  ],
  file_event: ["TargetFilename", "TargetFilename", "Image"],
  network_connection: ["DestinationIp", "DestinationPort", "Image"],
  auditd: ["a0", "a1", "a2", "name", "exe", "comm", "SYSCALL", "key", "euid", "nametype", "a3", "success"],
};

/** One of a hundred values is in the events where `presentOfHundred` is 1. */
export function makeRules(count: number, documents: readonly Routed[], presentOfHundred: number, seed = 7): MadeRule[] {
  const random = numbers(seed);
  const byRoute = Map.groupBy(documents, ({ route }) => route);
  const maker = new Maker(random, byRoute, presentOfHundred);
  return Array.from({ length: count }, (_, at) => maker.rule(`made ${seed} ${at}`));
}

class Maker {
  readonly #random: (bound: number) => number;
  readonly #documents: ReadonlyMap<string, readonly Routed[]>;
  readonly #present: number;

  constructor(random: (bound: number) => number, documents: ReadonlyMap<string, readonly Routed[]>, present: number) {
    this.#random = random;
    this.#documents = documents;
    this.#present = present;
  }

  rule(title: string): MadeRule {
    const share = this.#random(100);
    const route = SHARES.find(([, upTo]) => share < upTo)?.[0] ?? "auditd";
    const documents = this.#documents.get(route) ?? [];
    const document = documents[this.#random(Math.max(1, documents.length))]?.document ?? {};
    const selections = Array.from({ length: 1 + this.#random(2) }, () => this.#selection(route, document));
    const filter = this.#random(10) === 0 ? this.#selection(route, document) : undefined;
    const names = selections.map((_, at) => `selection_${at}`);
    const joined = this.#random(4) === 0 ? "1 of selection_*" : "all of selection_*";
    const lines = [
      `title: ${title}`,
      `logsource: ${LOGSOURCES[route]}`,
      "detection:",
      ...selections.flatMap((selection, at) => [`  ${names[at]}:`, ...selection]),
      ...(filter === undefined ? [] : ["  filter_main:", ...filter]),
      `  condition: ${joined}${filter === undefined ? "" : " and not 1 of filter_*"}`,
      "level: medium",
    ];
    return { title, text: `${lines.join("\n")}\n` };
  }

  #selection(route: string, document: Document): string[] {
    const fields = FIELDS[route] ?? [];
    const field = fields[this.#random(fields.length)] ?? "Image";
    const type = route === "auditd" && typeof document["type"] === "string" ? [`    type: '${document["type"]}'`] : [];
    return [...type, ...this.#item(field, document)];
  }

  #item(field: string, document: Document): string[] {
    const value = document[field];
    const isPresent = typeof value === "string" && this.#random(100) < this.#present;
    const values = Array.from({ length: 1 + this.#random(5) }, (_, at) =>
      at === 0 && isPresent ? value : this.#absent(field),
    );
    const kind = this.#random(100);
    if (kind < 4 && isPresent) return [`    ${field}|re: '${escapeRegex(this.#part(value)).replaceAll("'", "''")}'`];
    if (kind < 6) return [`    ${field}|re: '${this.#word()}\\d+(x|y)'`];
    const [modifier, cut] = this.#cut(kind);
    const texts = values.map((text) => quoted(cut(text)));
    const all = modifier === "contains" && kind < 15 && texts.length > 1 ? "|all" : "";
    return [`    ${field}${modifier === "" ? "" : `|${modifier}`}${all}:`, ...texts.map((text) => `      - ${text}`)];
  }

  #cut(kind: number): [modifier: string, cut: (text: string) => string] {
    if (kind < 48) return ["contains", (text) => this.#part(text)];
    if (kind < 86) return ["endswith", (text) => text.slice(-(3 + this.#random(12)))];
    if (kind < 91) return ["startswith", (text) => text.slice(0, 3 + this.#random(12))];
    return ["", (text) => text.slice(0, 200)];
  }

  #part(text: string): string {
    const length = 3 + this.#random(10);
    return text.slice(this.#random(Math.max(1, text.length - length))).slice(0, length);
  }

  #word(): string {
    return Array.from({ length: 3 + this.#random(9) }, () => "abcdefghijklmnopqrstuvwxyz"[this.#random(26)]).join("");
  }

  #absent(field: string): string {
    if (field.endsWith("Ip")) return `203.0.113.${this.#random(250)}`;
    if (/Port$|^euid$/.test(field)) return String(1024 + this.#random(60_000));
    return /Image|Filename|Directory|^(?:name|exe)$/.test(field)
      ? `/${this.#word()}/${this.#word()}`
      : `${this.#word()} -${this.#word()}`;
  }
}

/** As a value of a rule: wildcards are plain here, and case means nothing. */
function quoted(text: string): string {
  const plain = text.replace(/[\\*?]/g, "\\$&");
  return `'${plain.replaceAll("'", "''").replace(/[\p{Cc}\u2028\u2029]/gu, "?")}'`;
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replace(/\p{Cc}/gu, ".");
}

/** Rule files as trees of which each part knows its line. YAML 1.2: `yes` and dates are texts, whole numbers are exact. */
import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml";
import { SigmaError } from "./problem.ts";

export type ScalarValue = string | bigint | number | boolean | null;

interface At {
  /** Counted from 1. */
  line: number;
}

export interface ScalarNode extends At {
  kind: "scalar";
  value: ScalarValue;
}

export interface ListNode extends At {
  kind: "list";
  items: Node[];
}

export interface MapNode extends At {
  kind: "map";
  entries: { key: string; line: number; node: Node }[];
}

export type Node = ScalarNode | ListNode | MapNode;

/** Characters of a file, its documents, and values in one document with what aliases repeat, at most. */
const FILE_LENGTH_MAX = 4 * 1024 * 1024;
const DOCUMENTS_MAX = 10_000;
const NODES_MAX = 200_000;
const DEPTH_MAX = 32;

/** One document of a file, or why it is none. */
export type SourceDocument = { line: number; root: Node } | { line: number; error: SigmaError };

/** Reads all documents of a file; one that is broken leaves the others as they are. Empty ones are left out. */
export function readDocuments(text: string): SourceDocument[] {
  if (text.length > FILE_LENGTH_MAX)
    return [{ line: 1, error: new SigmaError(1, `${text.length} characters; at most ${FILE_LENGTH_MAX} are allowed`) }];
  const lines = new LineCounter();
  let documents: Document[];
  try {
    const options = {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: true,
      intAsBigInt: true,
      logLevel: "silent",
    };
    const parsed = parseAllDocuments(text, options as never);
    documents = "empty" in parsed ? [] : parsed;
  } catch (error) {
    return [{ line: 1, error: new SigmaError(1, messageOf(error)) }];
  }
  if (documents.length > DOCUMENTS_MAX)
    return [
      { line: 1, error: new SigmaError(1, `${documents.length} documents; at most ${DOCUMENTS_MAX} are allowed`) },
    ];
  return documents.flatMap((document): SourceDocument[] => {
    const line = lines.linePos(document.contents?.range?.[0] ?? document.range?.[0] ?? 0).line;
    const [error] = document.errors;
    if (error !== undefined) {
      const { line: at } = lines.linePos(error.pos[0]);
      return [{ line: at, error: new SigmaError(at, firstLine(error.message)) }];
    }
    if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return [];
    try {
      return [{ line, root: new Reader(document, lines).node(document.contents, 0, line) }];
    } catch (thrown) {
      const failed = thrown instanceof SigmaError ? thrown : new SigmaError(line, messageOf(thrown));
      return [{ line: failed.line, error: failed }];
    }
  });
}

function messageOf(error: unknown): string {
  return firstLine(error instanceof Error ? error.message : String(error));
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

class Reader {
  readonly #document: Document;
  readonly #lines: LineCounter;
  #count = 0;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  node(node: unknown, depth: number, near: number): Node {
    const line = this.#lineOf(node, near);
    if (++this.#count > NODES_MAX) throw new SigmaError(line, `more than ${NODES_MAX} values in a document`);
    if (depth > DEPTH_MAX) throw new SigmaError(line, `more than ${DEPTH_MAX} maps and lists within each other`);
    if (isAlias(node)) return this.node(this.#resolve(node, line), depth + 1, line);
    if (isMap(node)) {
      const entries = node.items.map(({ key, value }) => {
        const keyLine = this.#lineOf(key, line);
        return { key: this.#key(key, keyLine), line: keyLine, node: this.node(value, depth + 1, keyLine) };
      });
      return { kind: "map", line, entries };
    }
    if (isSeq(node)) return { kind: "list", line, items: node.items.map((item) => this.node(item, depth + 1, line)) };
    if (isScalar(node)) return { kind: "scalar", line, value: scalarValue(node.value, line) };
    // A key or a list's item with nothing behind it.
    if (node === null || node === undefined) return { kind: "scalar", line, value: null };
    throw new SigmaError(line, "not understood");
  }

  #resolve(alias: Alias, line: number): unknown {
    const target: unknown = alias.resolve(this.#document);
    if (target === undefined) throw new SigmaError(line, "an alias that leads nowhere");
    return target;
  }

  #key(key: unknown, line: number): string {
    if (!isScalar(key)) throw new SigmaError(line, "a key must be a text");
    return String(key.value);
  }

  #lineOf(node: unknown, near: number): number {
    const start = (node as { range?: [number, number, number] | null } | null | undefined)?.range?.[0];
    return start === undefined ? near : this.#lines.linePos(start).line;
  }
}

function scalarValue(value: unknown, line: number): ScalarValue {
  if (value === null || value === undefined) return null;
  if (["string", "bigint", "number", "boolean"].includes(typeof value)) return value as ScalarValue;
  throw new SigmaError(line, "a value of a kind that rules do not have");
}

/** The node of a key, or undefined. */
export function entryOf(map: MapNode, key: string): Node | undefined {
  return map.entries.find((entry) => entry.key === key)?.node;
}

/** What a node is, for errors. */
export function kindOf(node: Node): string {
  if (node.kind !== "scalar") return node.kind === "map" ? "a map" : "a list";
  if (node.value === null) return "nothing";
  if (typeof node.value === "string") return `the text "${node.value.slice(0, 64)}"`;
  return `${typeof node.value === "boolean" ? "the word" : "the number"} ${String(node.value)}`;
}

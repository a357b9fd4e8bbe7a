/** What a rule file's documents become. */
import type { Expression } from "./expression.ts";
import { nearest } from "../spelling/index.ts";
import { SigmaError } from "./problem.ts";
import { entryOf, kindOf, type MapNode, type Node } from "./source.ts";

export const LEVELS = ["informational", "low", "medium", "high", "critical"] as const;
export type Level = (typeof LEVELS)[number];

const STATUSES = ["stable", "test", "experimental", "deprecated", "unsupported"] as const;
export type Status = (typeof STATUSES)[number];

/** What a rule tells of itself. */
export interface RuleInfo {
  /** Its UUID; empty where it has none. */
  id: string;
  /** What correlations may call it by; empty where it has none. */
  name: string;
  title: string;
  status: Status | undefined;
  level: Level | undefined;
  description: string;
  author: string;
  /** As attack.t1059.004. */
  tags: readonly string[];
  falsePositives: readonly string[];
  references: readonly string[];
  /** Fields that are of interest to who reads an alert. */
  fields: readonly string[];
  /** Title of an alert, in which {{field}} stands for what the event has there; empty where the rule's own title serves. */
  alertTitle: string;
  file: string;
  /** Counted from 1. */
  line: number;
}

/** What a rule is called, in settings, suppressions and alerts: its id, else its name, else where it stands and what it is titled. */
export function ruleKey({ id, name, file, title }: Pick<RuleInfo, "id" | "name" | "file" | "title">): string {
  return id || name || `${file}: ${title}`;
}

/** Which events a rule is about; empty where it does not say. */
export interface Logsource {
  category: string;
  product: string;
  service: string;
  /** What must be audited, in the author's words. */
  definition: string;
}

/** A rule about single events. */
export interface DetectionRule extends RuleInfo {
  kind: "detection";
  logsource: Logsource;
  condition: Expression;
}

/** Keys that every kind of document may have. */
const COMMON_KEYS = [
  ..."title id name related taxonomy status description license author references".split(" "),
  ..."date modified tags falsepositives level fields scope reference".split(" "),
];

export type DocumentKind = "detection" | "correlation" | "filter";

/** Keys of documents by their kinds. */
export const DOCUMENT_KEYS: Readonly<Record<DocumentKind, readonly string[]>> = {
  detection: [...COMMON_KEYS, "logsource", "detection"],
  correlation: [...COMMON_KEYS, "correlation"],
  filter: [...COMMON_KEYS, "logsource", "filter"],
};

const TITLE_LENGTH_MAX = 256;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Reads what a document tells of itself. Custom keys are allowed, and told of where they look like a known one. */
export function readInfo(
  root: MapNode,
  kind: DocumentKind,
  file: string,
  warn: (line: number, message: string) => void,
): RuleInfo {
  const known = DOCUMENT_KEYS[kind];
  for (const { key, line } of root.entries) {
    const near = known.includes(key) ? "" : nearest(key, known);
    if (near !== "") warn(line, `unknown key "${key}"${near}`);
  }
  const title = textOf(root, "title");
  if (title === "") throw new SigmaError(root.line, "a rule needs a title");
  if (title.length > TITLE_LENGTH_MAX)
    warn(root.line, `a title of ${title.length} characters; ${TITLE_LENGTH_MAX} are meant`);
  const id = textOf(root, "id");
  if (id !== "" && !UUID.test(id)) warn(lineOf(root, "id"), `the id "${id}" is no UUID`);
  return {
    id,
    name: textOf(root, "name"),
    title,
    status: wordOf(root, "status", STATUSES),
    level: wordOf(root, "level", LEVELS),
    description: textOf(root, "description"),
    author: textOf(root, "author"),
    tags: listOf(root, "tags").map((tag) => tag.toLowerCase()),
    falsePositives: listOf(root, "falsepositives"),
    references: [...listOf(root, "references"), ...listOf(root, "reference")],
    fields: listOf(root, "fields"),
    alertTitle: alertTitleOf(root),
    file,
    line: root.line,
  };
}

export function lineOf(map: MapNode, key: string): number {
  return map.entries.find((entry) => entry.key === key)?.line ?? map.line;
}

/** The text of a key; empty where there is none. */
export function textOf(map: MapNode, key: string): string {
  const node = entryOf(map, key);
  if (node === undefined || (node.kind === "scalar" && node.value === null)) return "";
  if (node.kind !== "scalar") throw new SigmaError(node.line, `${key} is a text and not ${kindOf(node)}`);
  return String(node.value);
}

function wordOf<Word extends string>(map: MapNode, key: string, words: readonly Word[]): Word | undefined {
  const text = textOf(map, key);
  if (text === "") return undefined;
  const word = words.find((other) => other === text.toLowerCase());
  if (word !== undefined) return word;
  throw new SigmaError(lineOf(map, key), `${key} is "${text}"${nearest(text, words)}; allowed are ${words.join(", ")}`);
}

/** The texts of a key; one alone counts as a list of one. */
export function listOf(map: MapNode, key: string): string[] {
  const node = entryOf(map, key);
  return node === undefined ? [] : textsOf(node, key);
}

function textsOf(node: Node, key: string): string[] {
  if (node.kind === "map") throw new SigmaError(node.line, `${key} is a list of texts and not a map`);
  if (node.kind === "scalar") return node.value === null ? [] : [String(node.value)];
  return node.items.map((inner) => {
    if (inner.kind === "scalar") return String(inner.value ?? "");
    throw new SigmaError(inner.line, `${key} has ${kindOf(inner)} in its list; allowed are texts`);
  });
}

/** Ours, as Sigma allows it beside its own keys: `hosttrail: {title: …}`. */
function alertTitleOf(root: MapNode): string {
  const own = entryOf(root, "hosttrail");
  return own?.kind === "map" ? textOf(own, "title") : "";
}

/** The map of a key that must be there. */
export function mapOf(map: MapNode, key: string): MapNode {
  const node = entryOf(map, key);
  if (node?.kind === "map") return node;
  throw new SigmaError(
    node?.line ?? map.line,
    node === undefined ? `${key} is missing` : `${key} is a map and not ${kindOf(node)}`,
  );
}

const LOGSOURCE_KEYS = ["category", "product", "service", "definition"];

export function readLogsource(root: MapNode, warn: (line: number, message: string) => void): Logsource {
  const map = mapOf(root, "logsource");
  for (const { key, line } of map.entries) {
    const near = LOGSOURCE_KEYS.includes(key) ? "" : nearest(key, LOGSOURCE_KEYS);
    if (near !== "") warn(line, `unknown key "${key}" of logsource${near}`);
  }
  const logsource = {
    category: textOf(map, "category").toLowerCase(),
    product: textOf(map, "product").toLowerCase(),
    service: textOf(map, "service").toLowerCase(),
    definition: textOf(map, "definition"),
  };
  if (logsource.category === "" && logsource.product === "" && logsource.service === "")
    throw new SigmaError(map.line, "logsource needs one of category, product and service");
  return logsource;
}

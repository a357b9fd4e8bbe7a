/** A filter as it was understood: with all of its brackets. */
import type { Literal, Tree } from "./tree.ts";

/** What needs no quotes, whatever stands before and behind it. */
const PLAIN = /^[A-Za-z0-9_./@+%~][A-Za-z0-9_./@+%~-]*$/;
const KEYWORD = /^(?:AND|OR|NOT)$/;
/** What needs no quotes in a field's name. */
const PLAIN_PART = /^[A-Za-z0-9_@/[\]-]+$/;

/** Writes a filter so that parsing gives the same tree again; an empty text for no filter. */
export function formatFilter(tree: Tree | undefined): string {
  return tree === undefined ? "" : format(tree);
}

function format(tree: Tree): string {
  switch (tree.kind) {
    case "and":
    case "or":
      return tree.parts.map(inner).join(tree.kind === "and" ? " AND " : " OR ");
    case "not":
      return `NOT ${inner(tree.part)}`;
    case "word":
      return literal(tree.value, false);
    case "call":
      return `${tree.name}(${formatPath(tree.path)}, ${argument(tree.name, tree.value)})`;
    default:
      return `${formatPath(tree.path)} ${tree.comparator} ${literal(tree.value, isPlainValue(tree.value))}`;
  }
}

function isSimple({ kind }: Tree): boolean {
  return kind === "word" || kind === "call" || kind === "restriction";
}

function inner(tree: Tree): string {
  return isSimple(tree) ? format(tree) : `(${format(tree)})`;
}

/** Brackets in each other, as `formatFilter` writes them. */
export function nestingOf(tree: Tree): number {
  const parts = tree.kind === "and" || tree.kind === "or" ? tree.parts : tree.kind === "not" ? [tree.part] : [];
  return parts.reduce((most, part) => Math.max(most, nestingOf(part) + (isSimple(part) ? 0 : 1)), 0);
}

/** A field's name, with what needs quotes in them. */
function formatPath(path: readonly string[]): string {
  return path.map((part, at) => (at === 0 || PLAIN_PART.test(part) ? part : `"${escaped(part)}"`)).join(".");
}

function isPlainValue({ parts }: Literal): boolean {
  const text = parts.join("*");
  return text !== "" && !KEYWORD.test(text) && parts.every((part) => part === "" || PLAIN.test(part));
}

function literal({ parts }: Literal, isPlain: boolean): string {
  if (isPlain) return parts.join("*");
  return `"${parts.map((part) => escaped(part).replaceAll("*", "\\*")).join("*")}"`;
}

/** A function's value has no stars that mean anything, and an expression's backslashes are its own. */
function argument(name: string, { parts, raw }: Literal): string {
  return `"${escaped(name === "matches" ? raw : parts.join("*"))}"`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\"]/g, (character) => `\\${character}`);
}

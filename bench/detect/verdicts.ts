/** Where engines differ on purpose, and who is right by the specification of Sigma. */
import type { Document } from "./documents.ts";

/** A match that one of both has alone. */
interface Differing {
  /** The rule's text. */
  text: string;
  /** Whose match it is. */
  side: "ours" | "theirs";
  /** Those of the event. */
  documents: readonly Document[];
}

/** The lists of keywords of which all must be there, each keyword in lower case. */
function allKeywords(rule: string): string[][] {
  return Array.from(rule.matchAll(/^ +'?\|all'?:\n((?: +- .*\n)+)/gm), ([, list = ""]) =>
    list
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^ +- ['"]?(.*?)['"]?$/, "$1").toLowerCase()),
  );
}

function hasAll(document: Document, keywords: readonly string[]): boolean {
  const message = Object.values(document).flat().join(" ").toLowerCase();
  return keywords.every((keyword) => message.includes(keyword));
}

/** Who is right and why; undefined where nobody has judged it. */
export function verdictOf({ text, side, documents }: Differing): string | undefined {
  const lists = allKeywords(text);
  if (side === "ours" && lists.some((keywords) => documents.some((document) => hasAll(document, keywords))))
    return "ours is right: keywords are looked for in the whole message (section Lists), with |all as without; rsigma 0.23 compares those under |all with whole values of one field";
  return undefined;
}

/** A page of Markdown, read: its headings, its links and pictures with their lines, and the text of each part. No I/O. */
import createMarkdown, { type MarkdownIt, type Token } from "markdown-it";

export interface Heading {
  level: number;
  text: string;
  /** As code hosts make it of the text; unique on the page. */
  anchor: string;
  line: number;
}

export interface Reference {
  /** Line from 1 on. */
  line: number;
  target: string;
  kind: "link" | "picture";
  token: Token;
}

/** What stands below a heading, until the next one. */
export interface Part {
  anchor: string;
  title: string;
  text: string;
}

export interface Page {
  /** Within the repository. */
  path: string;
  title: string;
  headings: readonly Heading[];
  references: readonly Reference[];
  parts: readonly Part[];
  tokens: Token[];
  problems: readonly string[];
}

export const markdown: MarkdownIt = createMarkdown({ html: true });

/** Punctuation goes, spaces become dashes, what comes again has a number. */
function anchorOf(text: string, seen: Map<string, number>): string {
  const plain = text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}_\- ]/gu, "")
    .replaceAll(" ", "-");
  const times = seen.get(plain) ?? 0;
  seen.set(plain, times + 1);
  return times === 0 ? plain : `${plain}-${times}`;
}

function plainOf(tokens: readonly Token[]): string {
  return tokens.map(({ type, content }) => (type === "softbreak" ? " " : content)).join("");
}

/** Reads a page. What is wrong with it stands in its problems, each with file and line. */
export function readPage(path: string, source: string): Page {
  const lines = source.split("\n");
  const tokens = markdown.parse(source, {});
  const headings: Heading[] = [];
  const references: Reference[] = [];
  const problems: string[] = [];
  const parts: Part[] = [];
  const seen = new Map<string, number>();
  const lineOf = (token: Token, text: string): number => {
    const [first, end] = token.map ?? [0, 0];
    const within = lines.slice(first, end).findIndex((line) => line.includes(text));
    return first + 1 + Math.max(0, within);
  };
  for (const [at, token] of tokens.entries()) {
    if (token.type === "html_block" && !/^(<!--[^]*?-->\s*)+$/.test(token.content))
      problems.push(`${path}:${lineOf(token, "")}: HTML that is no comment; write Markdown, or \`code\``);
    if (token.type === "code_block")
      problems.push(`${path}:${lineOf(token, "")}: a block by indentation; put it between fences, with its language`);
    if (token.type === "fence" || token.type === "code_block") append(parts, token.content);
    if (token.type !== "inline") continue;
    const children = token.children ?? [];
    const before = tokens[at - 1];
    if (before?.type === "heading_open") {
      const text = plainOf(children);
      const heading = {
        level: Number(before.tag.slice(1)),
        text,
        anchor: anchorOf(text, seen),
        line: lineOf(token, text),
      };
      before.attrSet("id", heading.anchor);
      headings.push(heading);
      parts.push({ anchor: heading.anchor, title: text, text: "" });
    } else append(parts, plainOf(children));
    for (const child of children) {
      if (child.type === "html_inline")
        problems.push(`${path}:${lineOf(token, child.content)}: ${child.content} is HTML; write \`${child.content}\``);
      const kind = child.type === "image" ? "picture" : child.type === "link_open" ? "link" : undefined;
      if (kind === undefined) continue;
      const target = String(child.attrGet(kind === "picture" ? "src" : "href") ?? "");
      const line = lineOf(token, target);
      if (kind === "picture" && child.content.trim() === "")
        problems.push(`${path}:${line}: the picture ${target} has no text for those who do not see it`);
      references.push({ line, target, kind, token: child });
    }
  }
  const [first] = headings;
  if (first?.level !== 1) problems.push(`${path}:1: a page begins with its title, as "# Title"`);
  for (const [at, { level, text, line }] of headings.entries())
    if (at > 0 && (level === 1 || level > (headings[at - 1]?.level ?? 1) + 1))
      problems.push(
        `${path}:${line}: the heading "${text}" is of level ${level}, below one of ${headings[at - 1]?.level}`,
      );
  return { path, title: first?.text ?? path, headings, references, parts, tokens, problems };
}

function append(parts: readonly Part[], text: string): void {
  const last = parts.at(-1);
  if (last !== undefined) last.text += `${last.text === "" ? "" : " "}${text}`;
}

/** A page as HTML, by the template. No I/O. */
import Handlebars from "handlebars";
import type { RendererRule, Token } from "markdown-it";
import { placeOf, wayTo } from "./links.ts";
import { markdown, type Page } from "./page.ts";
import type { Section } from "./sections.ts";

export interface Layout {
  /** The template of a page. */
  template: string;
  style: string;
  search: string;
}

interface Place {
  page: Page;
  pages: ReadonlyMap<string, Page>;
  sections: readonly Section[];
  before: Page | undefined;
  after: Page | undefined;
}

const { rules } = markdown.renderer;

// What is wider than a screen scrolls by itself, also by the keyboard.
rules.fence = (tokens: Token[], at: number): string => {
  const { content, info } = tokens[at] as Token;
  const label = info === "sh" || info === "console" ? "Commands" : info === "" || info === "text" ? "Text" : info;
  return `<pre tabindex="0" aria-label="${markdown.utils.escapeHtml(label)}" role="region"><code>${markdown.utils.escapeHtml(content)}</code></pre>\n`;
};
rules.table_open = (): string => '<div class="table" tabindex="0" role="region" aria-label="Table"><table>\n';
rules.table_close = (): string => "</table></div>\n";
// Comments are for those who write.
rules.html_block = (): string => "";
// A file of the repository that no page is made of: its name, and where it is.
const openLink: RendererRule = (tokens, at, options, _, renderer) => {
  const path = pathOf(tokens[at]);
  return path === undefined ? renderer.renderToken(tokens, at, options) : '<span class="file">';
};
const closeLink: RendererRule = (tokens, at, options, _, renderer) => {
  let open = at;
  while (open > 0 && !(tokens[open]?.type === "link_open" && tokens[open]?.level === tokens[at]?.level)) open -= 1;
  const path = pathOf(tokens[open]);
  if (path === undefined) return renderer.renderToken(tokens, at, options);
  const text = tokens
    .slice(open + 1, at)
    .map(({ content }) => content)
    .join("");
  return text.includes(path) ? "</span>" : ` (<code>${markdown.utils.escapeHtml(path)}</code>)</span>`;
};
rules.link_open = openLink;
rules.link_close = closeLink;

function pathOf(token: Token | undefined): string | undefined {
  return (token?.meta as { repository?: string } | null | undefined)?.repository;
}

/** HTML of a page, whole. */
export function render({ template }: Layout, { page, pages, sections, before, after }: Place): string {
  const here = placeOf(page.path);
  const to = (other: Page): { href: string; title: string } => ({
    href: wayTo(here, placeOf(other.path)),
    title: other.title,
  });
  const compiled = Handlebars.compile(template, { strict: true, preventIndent: true });
  return compiled({
    title: page.title === "Hosttrail" ? page.title : `${page.title} · Hosttrail`,
    root: wayTo(here, "index.html").replace(/index\.html$/, ""),
    sections: sections.map((section) => ({
      title: section.title,
      isOpen: section.pages.includes(page.path),
      pages: section.pages.map((path) => ({ ...to(pages.get(path) as Page), isCurrent: path === page.path })),
    })),
    contents: page.headings.filter(({ level }) => level === 2).map(({ anchor, text }) => ({ anchor, text })),
    body: markdown.renderer.render(page.tokens, markdown.options, {}),
    before: before === undefined ? null : to(before),
    after: after === undefined ? null : to(after),
  });
}

/** The whole site, made of pages that were read: files by their place, or all that is wrong. No I/O. */
import { type Linked, link, pictureOf, placeOf, type Repository, wayTo } from "./links.ts";
import { type Page, readPage } from "./page.ts";
import { type Layout, render } from "./render.ts";
import type { Section } from "./sections.ts";

export interface Source {
  path: string;
  text: string;
}

export interface Site {
  /** Text of each file, by its place in the site. */
  files: ReadonlyMap<string, string>;
  /** Pictures, by their place: paths in the repository. */
  pictures: ReadonlyMap<string, string>;
}

/** All that is wrong with the pages, each with file and line. */
export class SiteError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Pages that no section has, that several have, or that are not there. */
function placeProblems(sections: readonly Section[], sources: readonly Source[]): string[] {
  const listed = sections.flatMap(({ pages }) => pages);
  const there = new Set(sources.map(({ path }) => path));
  return [
    ...listed.filter((path) => !there.has(path)).map((path) => `tools/docs/sections.ts: there is no ${path}`),
    ...listed.filter((path, at) => listed.indexOf(path) !== at).map((path) => `${path}:1: two sections have this page`),
    ...[...there]
      .filter((path) => !listed.includes(path))
      .map((path) => `${path}:1: no section has this page (tools/docs/sections.ts)`),
  ];
}

/** Makes the site; throws a SiteError with every problem. */
export function buildSite(
  sections: readonly Section[],
  sources: readonly Source[],
  repository: Repository,
  layout: Layout,
): Site {
  const pages = new Map<string, Page>(sources.map(({ path, text }) => [path, readPage(path, text)]));
  const linked: Linked[] = [...pages.values()].map((page) => link(page, pages, repository));
  const problems = [
    ...placeProblems(sections, sources),
    ...[...pages.values()].flatMap((page) => page.problems),
    ...linked.flatMap((each) => each.problems),
  ];
  if (problems.length > 0) throw new SiteError(problems);
  const order = sections.flatMap((section) => section.pages);
  const files = new Map<string, string>();
  for (const [at, path] of order.entries()) {
    const page = pages.get(path) as Page;
    const neighbour = (other: number): Page | undefined => pages.get(order[other] ?? "");
    files.set(
      placeOf(path),
      render(layout, { page, pages, sections, before: neighbour(at - 1), after: neighbour(at + 1) }),
    );
  }
  files.set("style.css", layout.style);
  files.set("search.js", layout.search);
  files.set("index.js", `window.searchIndex = ${JSON.stringify(searchIndex(order, pages))};\n`);
  const pictures = linked.flatMap((each) => each.pictures).map((path) => [pictureOf(path), path] as const);
  return { files, pictures: new Map(pictures) };
}

/** Each part of each page: where it is, its page's title, its own, and its text. */
function searchIndex(order: readonly string[], pages: ReadonlyMap<string, Page>): string[][] {
  return order.flatMap((path) => {
    const page = pages.get(path) as Page;
    return page.parts.map(({ anchor, title, text }) => [
      `${wayTo("index.html", placeOf(path))}#${anchor}`,
      page.title,
      title,
      text.replaceAll(/\s+/g, " "),
    ]);
  });
}

/** Where the links of a page lead: to another page of the site, to a picture, to a file of the repository, or out of it. No I/O. */
import { posix } from "node:path";
import type { Token } from "markdown-it";
import type { Page } from "./page.ts";

export interface Repository {
  /** Of a path within the repository. */
  kindOf: (path: string) => "file" | "folder" | undefined;
}

/** Pictures, by their paths in the repository, that the page shows. */
export interface Linked {
  pictures: string[];
  problems: string[];
}

/** Where a page lies in the site. Decisions have a folder, all else is beside the first page. */
export function placeOf(path: string): string {
  if (path === "README.md") return "index.html";
  return path.replace(/^docs\//, "").replace(/\.md$/, ".html");
}

export function pictureOf(path: string): string {
  return path.replace(/^docs\//, "");
}

/** The way from one place of the site to another. */
export function wayTo(from: string, to: string): string {
  return posix.relative(posix.dirname(from), to);
}

/** A link to one shows it. */
const PICTURE = /\.(png|svg)$/;
const OUTSIDE = /^[a-z][a-z0-9+.-]*:/i;

/** A link that is named by its file, as is usual where files are looked at, has the page's title here. */
function nameByTitle({ tokens }: Page, token: Token, other: Page): void {
  const children = tokens.find((each) => each.children?.includes(token) === true)?.children ?? [];
  const text = children[children.indexOf(token) + 1];
  if (text?.type === "text" && text.content === posix.basename(other.path)) text.content = other.title;
}

/** Turns the page's links into those of the site, within its tokens; files that no page is made of stay as text with their path. */
export function link(page: Page, pages: ReadonlyMap<string, Page>, repository: Repository): Linked {
  const pictures: string[] = [];
  const problems: string[] = [];
  const here = placeOf(page.path);
  for (const { line, target, kind, token } of page.references) {
    const wrong = (why: string): void => void problems.push(`${page.path}:${line}: ${target || "a link"} ${why}`);
    const key = kind === "picture" ? "src" : "href";
    if (OUTSIDE.test(target)) {
      if (kind === "picture") wrong("is a picture of another origin; put it into docs/");
      else if (!/^(https|mailto):/.test(target)) wrong("is neither https nor within the repository");
      continue;
    }
    const [file = "", anchor = ""] = target.split("#");
    if (target.startsWith("/") || target === "") {
      wrong("is not relative");
      continue;
    }
    const path = file === "" ? page.path : posix.join(posix.dirname(page.path), decodeURI(file)).replace(/\/$/, "");
    const other = pages.get(path);
    if (other !== undefined) {
      if (anchor !== "" && !other.headings.some((heading) => heading.anchor === anchor))
        wrong(`leads to no heading of ${path}; there are ${other.headings.map((each) => each.anchor).join(", ")}`);
      nameByTitle(page, token, other);
      token.attrSet(key, `${wayTo(here, placeOf(path))}${anchor === "" ? "" : `#${anchor}`}`);
      continue;
    }
    const found = path.startsWith("..") ? undefined : repository.kindOf(path);
    if (found === undefined) wrong(`leads to nothing: there is no ${path}`);
    else if (kind === "picture" || PICTURE.test(path)) {
      pictures.push(path);
      token.attrSet(key, wayTo(here, pictureOf(path)));
    } else token.meta = { repository: path };
  }
  return { pictures, problems };
}

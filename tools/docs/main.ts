/**
 * Builds the site of the documents. Usage: node tools/docs/main.ts [FOLDER]; without it .hosttrail/site. Ends with 1 and every problem, with file and line,
 * where a page is in no section, or a link, an anchor or a picture leads nowhere; then nothing is written.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DECISIONS, LEFT_OUT, MADE, SECTIONS, type Section } from "./sections.ts";
import { buildSite, SiteError, type Source } from "./site.ts";
import { unrunPage } from "./unrun.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const FOLDER = process.argv[2] ?? join(ROOT, ".hosttrail/site");

const here = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const pagesOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .toSorted()
    .map((name) => `${folder}/${name}`);

const decisions = pagesOf(DECISIONS);
const sections: Section[] = [...SECTIONS, { ...MADE, pages: [...MADE.pages, ...decisions] }];
const paths = ["README.md", ...pagesOf("docs"), ...decisions].filter((path) => !LEFT_OUT.includes(path));
const written: Source[] = paths.map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
const kindOf = (path: string): "file" | "folder" | undefined => {
  const found = statSync(join(ROOT, path), { throwIfNoEntry: false });
  return found === undefined ? undefined : found.isDirectory() ? "folder" : "file";
};

try {
  // Decisions tell what was thought, and not what to type.
  const sources = [...written, unrunPage(written.filter(({ path }) => !decisions.includes(path)))];
  const layout = { template: here("page.hbs"), style: here("style.css"), search: here("search.js") };
  const { files, pictures } = buildSite(sections, sources, { kindOf }, layout);
  // What a person has named by mistake stays.
  if (existsSync(FOLDER) && readdirSync(FOLDER).length > 0 && !existsSync(join(FOLDER, "search.js")))
    throw new SiteError([
      `${FOLDER}: has files that are no site; give a folder that is empty, or has a site, or is not there`,
    ]);
  rmSync(FOLDER, { recursive: true, force: true });
  const place = (path: string): string => {
    const target = join(FOLDER, path);
    mkdirSync(dirname(target), { recursive: true });
    return target;
  };
  for (const [path, text] of files) writeFileSync(place(path), text);
  for (const [path, source] of pictures) copyFileSync(join(ROOT, source), place(path));
  process.stdout.write(`${sources.length} pages, ${pictures.size} pictures: ${join(FOLDER, "index.html")}\n`);
} catch (error) {
  if (!(error instanceof SiteError)) throw error;
  process.stderr.write(`${error.message}\n${error.problems.length} problems; nothing was written\n`);
  process.exitCode = 1;
}

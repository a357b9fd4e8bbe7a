/** Templates to files: handlebars for what comes from the spec, a copy for what is the same for everyone, a header on each. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import Handlebars from "handlebars";

/** A file to be written. */
export interface GeneratedFile {
  path: string;
  content: string;
  executable: boolean;
}

/** How a comment is written, by file name ending. Files of other endings have no header: their format knows no comments. */
const COMMENTS: Readonly<Record<string, (text: string) => string>> = {
  ".yml": hash,
  ".yaml": hash,
  ".rb": hash,
  ".tf": hash,
  ".hcl": hash,
  ".sh": hash,
  ".j2": (text) => `{# ${text} #}\n`,
  ".erb": (text) => `<%# ${text} -%>\n`,
  ".md": (text) => `<!-- ${text} -->\n`,
};

function hash(text: string): string {
  return `# ${text}\n`;
}

/** `{{{{raw}}}}…{{{{/raw}}}}`: text with braces of its own, as it is. */
function raw(options: Handlebars.HelperOptions): string {
  return options.fn({});
}

/**
 * Renders all templates below `folder`; `parts` are texts that several tools bring, by the names of their files. `x.hbs` becomes x; its text is not escaped, since it is code in many languages. The result is
 * the same for the same input, and sorted.
 */
export function renderFolder(folder: string, parts: string, context: object, header: string): GeneratedFile[] {
  const engine = Handlebars.create();
  engine.registerHelper("raw", raw);
  for (const name of readdirSync(parts)) engine.registerPartial(name, readFileSync(join(parts, name), "utf8"));
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => {
      const text = readFileSync(file, "utf8");
      const isTemplate = file.endsWith(".hbs");
      const path = relative(folder, isTemplate ? file.slice(0, -".hbs".length) : file);
      const options = { noEscape: true, strict: true };
      const content = isTemplate ? engine.compile(text, options)(context) : text;
      return { path, content: withHeader(path, content, header), executable: (statSync(file).mode & 0o100) !== 0 };
    });
}

function withHeader(path: string, content: string, header: string): string {
  const comment = COMMENTS[extname(path)]?.(header);
  if (comment === undefined) return content;
  // What must be the first line stays it.
  const first = /^(?:#!.*|#cloud-config|---)\n/.exec(content)?.[0] ?? "";
  return `${first}${comment}${content.slice(first.length)}`;
}

/** Writes files below a folder that need not be there. */
export function writeFiles(target: string, files: readonly GeneratedFile[]): void {
  for (const { path, content, executable } of files) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), content, { mode: executable ? 0o755 : 0o644 });
  }
}

/** The console's built files. They are read once, so no path of a request ever reaches the file system. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { OutgoingHttpHeaders } from "node:http";
import { join, sep } from "node:path";
import type { Exchange } from "../exchange.ts";

/** What a build may have. More than that is some other folder. */
const FILES_MAX = 2000;
const BYTES_MAX: number = 64 * 1024 * 1024;

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  webmanifest: "application/manifest+json",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
  txt: "text/plain; charset=utf-8",
};
/** Encodings that are made when the files are built, the best first. */
const ENCODINGS = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;
const NOT_BUILT =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Hosttrail</title><h1>The console is not built</h1><p>This collector answers, but the files of its pages are missing. In a working copy, build them with <code>./dev build console</code> and start the collector again; a package brings them.';

interface StaticFile {
  bytes: Uint8Array;
  type: string;
  etag: string;
  encoded: ReadonlyMap<string, Uint8Array>;
}

export class Files {
  /** By path, as `/assets/index-1234.js`. */
  readonly #files: ReadonlyMap<string, StaticFile>;

  constructor(files: ReadonlyMap<string, StaticFile>) {
    this.#files = files;
  }

  /** Reads all files below a folder, which may not be there. Throws where they are too many or too large. */
  static read(folder: string): Files {
    const files = new Map<string, StaticFile>();
    if (!existsSync(join(folder, "index.html"))) return new Files(files);
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      statSync(join(folder, name)).isFile(),
    );
    const bytes = names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    if (names.length > FILES_MAX || bytes > BYTES_MAX)
      throw new Error(
        `${folder} has ${names.length} files of ${bytes} bytes; allowed are ${FILES_MAX} of ${BYTES_MAX}`,
      );
    const isEncoded = (name: string): boolean =>
      ENCODINGS.some(([, ending]) => name.endsWith(ending) && names.includes(name.slice(0, -ending.length)));
    for (const name of names.filter((each) => !isEncoded(each)))
      files.set(`/${name.split(sep).join("/")}`, readFile(folder, name, names));
    return new Files(files);
  }

  get isBuilt(): boolean {
    return this.#files.size > 0;
  }

  /** Answers a GET or HEAD: with the file, with the page for each path that is none, with 404 for an asset that is not there. */
  answer({ path, method, headers, answer }: Exchange): void {
    const isAsset = path.startsWith("/assets/");
    const file =
      this.#files.get(path === "/" ? "/index.html" : path) ?? (isAsset ? undefined : this.#files.get("/index.html"));
    const isHead = method === "HEAD";
    if (file === undefined) {
      const status = isAsset ? 404 : 503;
      const body = isAsset ? "there is no such file\n" : NOT_BUILT;
      answer.writeHead(status, { "content-type": isAsset ? TYPES["txt"] : TYPES["html"] });
      answer.end(isHead ? undefined : body);
      return;
    }
    const head: OutgoingHttpHeaders = { etag: file.etag, vary: "accept-encoding" };
    // Their names change with what is in them.
    if (isAsset) head["cache-control"] = "public, max-age=31536000, immutable";
    if (isAsset && headers["if-none-match"] === file.etag) {
      answer.writeHead(304, head);
      answer.end();
      return;
    }
    const encoding = ENCODINGS.map(([name]) => name).find(
      (name) => file.encoded.has(name) && accepts(headers["accept-encoding"], name),
    );
    const bytes = (encoding === undefined ? undefined : file.encoded.get(encoding)) ?? file.bytes;
    if (encoding !== undefined) head["content-encoding"] = encoding;
    answer.writeHead(200, { ...head, "content-type": file.type, "content-length": bytes.length });
    answer.end(isHead ? undefined : bytes);
  }
}

function readFile(folder: string, name: string, names: readonly string[]): StaticFile {
  const bytes = readFileSync(join(folder, name));
  return {
    bytes,
    type: TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream",
    etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
    encoded: new Map(
      ENCODINGS.filter(([, ending]) => names.includes(name + ending)).map(([encoding, ending]) => [
        encoding,
        readFileSync(join(folder, name + ending)),
      ]),
    ),
  };
}

/** Whether a browser takes an encoding: `gzip, br;q=0` takes gzip alone. */
function accepts(header: string | string[] | undefined, encoding: string): boolean {
  const wanted = (typeof header === "string" ? header : "").toLowerCase().split(",");
  return wanted.some((each) => {
    const [name = "", ...parameters] = each.split(";").map((part) => part.trim());
    return name === encoding && !parameters.some((part) => /^q=0(?:\.0{1,3})?$/.test(part));
  });
}

/** Programs as few files each, and the packages beside them that read files of their own. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, parse, resolve } from "node:path";
import { build } from "esbuild";
import type { Program } from "./product.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** A package that is in a product. */
export interface Component {
  name: string;
  version: string;
  license: string;
}

interface Manifest extends Component {
  dependencies?: Record<string, string>;
}

/** What the drivers would use if it were there. */
const OPTIONAL = [
  "kerberos",
  "@mongodb-js/zstd",
  "@aws-sdk/credential-providers",
  "gcp-metadata",
  "snappy",
  "socks",
  "aws4",
  "mongodb-client-encryption",
];

/** What of a package is not needed to run it; nested packages are copied by themselves. */
const NOT_RUN =
  /\.(?:map|ts|md|markdown)$|^\/(?:test|tests|docs|cli|scripts|bin|node_modules)(?:\/|$)|\/build\/bin(?:\/|$)|\/\.[^/]*$/;

/** In CommonJS there is no import.meta, and in a module no require and no __dirname. */
const BANNERS = {
  cjs: 'const __bundle=require("node:url").pathToFileURL(__filename).href;process.env.HOSTTRAIL_ADDON??=require("node:path").join(__dirname,"audit.node");process.env.HOSTTRAIL_TEMPLATES??=require("node:path").join(__dirname,"templates");',
  esm: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);const __dirname=import.meta.dirname;const __filename=import.meta.filename;process.env.HOSTTRAIL_RULES??=__dirname+"/rules";process.env.HOSTTRAIL_CONSOLE??=__dirname+"/console";',
} as const;

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as Manifest;
}

/** Writes a program to `lib`, a module with what it imports on demand beside it; returns the packages that are in it. */
export async function bundle(program: Program, lib: string, version: string): Promise<Component[]> {
  const { name, ext } = parse(program.output);
  const { metafile } = await build({
    entryPoints: { [name]: join(ROOT, program.entry) },
    outdir: lib,
    outExtension: { ".js": ext },
    chunkNames: `${name}-[hash]`,
    splitting: program.format === "esm",
    bundle: true,
    platform: "node",
    format: program.format,
    target: "node24",
    minify: true,
    legalComments: "none",
    metafile: true,
    logLevel: "error",
    external: [...program.external, ...OPTIONAL],
    define: {
      HOSTTRAIL_VERSION: JSON.stringify(version),
      ...(program.format === "cjs" ? { "import.meta.url": "__bundle" } : {}),
    },
    banner: { js: BANNERS[program.format] },
  });
  for (const output of Object.keys(metafile.outputs)) spellInAscii(resolve(output));
  const folders = new Set<string>();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input);
    if (match !== null) folders.add(match[0]);
  }
  for (const folder of copyPackages(program.external, join(lib, "node_modules"))) folders.add(folder);
  if (program.external.length > 0) copyDescriptors(join(lib, "node_modules/@hosttrail/proto"));
  return [...folders].sort().flatMap((folder) => {
    if (!existsSync(join(ROOT, folder, "package.json"))) return [];
    const { name, version: its, license } = manifestOf(folder);
    return name.startsWith("@hosttrail/") ? [] : [{ name, version: its, license }];
  });
}

/**
 * Writes what is no ASCII in a program as escapes. One such character has V8 keep the whole source at two bytes a character, in each thread: 5 MiB.
 * esbuild does it itself except in regular expressions, where an escape means the same.
 */
function spellInAscii(file: string): void {
  const source = readFileSync(file, "utf8");
  const spelled = source.replaceAll(/[\u0080-\uffff]/g, (unit) => {
    const code = unit.charCodeAt(0);
    // A half of a character is no half of an escape where the expression is one of whole characters.
    if (code >= 0xd800 && code <= 0xdfff)
      throw new Error(`${file}: a character beyond U+FFFF stands in a regular expression`);
    return `\\u${code.toString(16).padStart(4, "0")}`;
  });
  if (spelled !== source) writeFileSync(file, spelled);
}

/** The packages that are in the console's pages, which are built already. */
export function consoleComponents(): Component[] {
  const names = Object.keys(manifestOf("console").dependencies ?? {});
  return Array.from(foldersOf(names.filter((name) => !name.startsWith("@hosttrail/"))).keys(), (folder) => {
    const { name, version, license } = manifestOf(folder);
    return { name, version, license };
  });
}

/** Packages and all that they depend on: each by its folder. */
function foldersOf(names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (name: string, from: string): void => {
    // As Node resolves: inside of the package first, then outside.
    const inside = from === "" ? [] : [`${from}/node_modules/${name}`];
    const folder = [...inside, `node_modules/${name}`].find((each) => existsSync(join(ROOT, each)));
    if (folder === undefined) throw new Error(`${name}, which ${from} wants, is not installed`);
    if (found.has(folder)) return;
    found.set(folder, name);
    for (const wanted of Object.keys(manifestOf(folder).dependencies ?? {})) visit(wanted, folder);
  };
  for (const name of names) visit(name, "");
  return found;
}

/** Copies packages with all that they depend on; returns their folders. */
function copyPackages(names: readonly string[], target: string): string[] {
  const found = foldersOf(names);
  for (const folder of found.keys()) {
    const source = join(ROOT, folder);
    const to = join(target, folder.replace(/^node_modules\//, ""));
    mkdirSync(to, { recursive: true });
    cpSync(source, to, { recursive: true, filter: (path) => !NOT_RUN.test(path.slice(source.length)) });
  }
  return [...found.keys()];
}

/** What the reflection service tells of our protos. */
function copyDescriptors(target: string): void {
  mkdirSync(join(target, "gen"), { recursive: true });
  for (const file of ["package.json", "gen/descriptors.binpb"]) cpSync(join(ROOT, "proto", file), join(target, file));
}

/**
 * Puts simulated modules in the place of those by which the product reaches outside: Node's disk, timers, randomness and threads, the gRPC
 * client, the NATS client, the database driver. The product's own files run as they are, and know nothing of it.
 *
 * A module of Node that the product imports and that is neither simulated nor harmless is an error, so that nothing real is used unseen.
 */
import * as realFs from "node:fs";
import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Patch } from "./patch.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PRODUCT = new RegExp(`^${pathToFileURL(ROOT).href}/(agent|collector|lib)/src/`);

/** What computes and reaches nowhere, or only lends types and classes to modules that are replaced as a whole. */
const HARMLESS: ReadonlySet<string> = new Set([
  "node:buffer",
  "node:events",
  "node:path",
  "node:stream",
  "node:url",
  "node:util",
  "node:zlib",
]);

/** Loaded with the product's doors, and never called: their callers have no role here. */
const IDLE: ReadonlySet<string> = new Set([
  "node:child_process",
  "node:dgram",
  "node:dns/promises",
  "node:fs/promises",
  "node:http",
  "node:http2",
  "node:https",
  "node:module",
  "node:readline",
  "node:tls",
  "node:v8",
  "node:vm",
]);

interface Substitute {
  /** Who imports it, below the root; any part of the product where it is not told. */
  from?: RegExp;
  what: RegExp;
  by: string;
}

const SUBSTITUTES: readonly Substitute[] = [
  { what: /^node:fs$/, by: "simulate:fs" },
  { what: /^node:timers\/promises$/, by: "../clock/promises.ts" },
  { what: /^node:crypto$/, by: "../clock/crypto.ts" },
  { what: /^node:os$/, by: "../host/os.ts" },
  { what: /^node:net$/, by: "../host/net.ts" },
  { what: /^node:worker_threads$/, by: "../collector/threads.ts" },
  { from: /^agent\/src\/ship\//, what: /^@grpc\/grpc-js$/, by: "../network/grpc.ts" },
  { from: /^agent\/src\/ship\//, what: /^@hosttrail\/proto\/ingest$/, by: "../network/ingest.ts" },
  { from: /^agent\/src\/pipeline\.ts$/, what: /^\.\/source\/index\.ts$/, by: "../host/source.ts" },
  { from: /^agent\/src\/pipeline\.ts$/, what: /^\.\/identity\/index\.ts$/, by: "../host/identity.ts" },
  { from: /^agent\/src\/pipeline\.ts$/, what: /^\.\/control\/index\.ts$/, by: "../host/control.ts" },
  { from: /^agent\/src\/pipeline\.ts$/, what: /^\.\/kernel\/index\.ts$/, by: "../host/kernel.ts" },
  { from: /^collector\/src\/jetstream\//, what: /^@nats-io\/jetstream$/, by: "../broker/jetstream.ts" },
  { from: /^collector\/src\/jetstream\//, what: /^@nats-io\/transport-node$/, by: "../broker/transport.ts" },
  { from: /^collector\/src\/mongodb\//, what: /^mongodb$/, by: "../database/driver.ts" },
  { from: /^collector\/src\/(?!serve\/)/, what: /\/serve\/index\.ts$/, by: "../collector/serve.ts" },
];

const FS = "simulate:fs";
const SIMULATED_FS = pathToFileURL(resolve(import.meta.dirname, "../disk/fs.ts")).href;

/** Of node:fs, all names: those that are not simulated refuse. */
async function fsSource(): Promise<string> {
  const simulated = await import("../disk/fs.ts");
  const missing = Object.keys(realFs).filter(
    (name) => /^[a-zA-Z]\w*$/.test(name) && name !== "default" && !(name in simulated),
  );
  const refusals = missing.map(
    (name) =>
      `export function ${name}() { throw new Error("node:fs.${name} is not simulated: see simulate/disk/fs.ts"); }`,
  );
  return [`export * from ${JSON.stringify(SIMULATED_FS)};`, ...refusals].join("\n");
}

function substituteFor(specifier: string, parent: string): string | undefined {
  const from = parent.slice(pathToFileURL(ROOT).href.length + 1);
  const found = SUBSTITUTES.find((each) => each.what.test(specifier) && (each.from?.test(from) ?? true));
  if (found !== undefined) return found.by === FS ? FS : new URL(found.by, import.meta.url).href;
  if (specifier.startsWith("node:") && !HARMLESS.has(specifier) && !IDLE.has(specifier))
    throw new Error(
      `${from} imports ${specifier}, which is neither simulated nor harmless: see simulate/load/register.ts`,
    );
  return undefined;
}

/** From here on. Patches are made in the text of the product's files as they are loaded. */
export async function substituteModules(patches: readonly Patch[]): Promise<void> {
  const fs = await fsSource();
  const left = new Set(patches);
  registerHooks({
    resolve(specifier, context, next) {
      const { parentURL = "" } = context;
      if (!PRODUCT.test(parentURL)) return next(specifier, context);
      const substitute = substituteFor(specifier, parentURL);
      if (substitute === FS) return { url: FS, shortCircuit: true };
      return next(substitute ?? specifier, context);
    },
    load(url, context, next) {
      if (url === FS) return { format: "module", source: fs, shortCircuit: true };
      const loaded = next(url, context);
      const path = url.startsWith("file:") ? fileURLToPath(url) : "";
      let { source } = loaded;
      for (const patch of patches) {
        if (path !== resolve(ROOT, patch.file)) continue;
        source = patch.apply(
          typeof source === "string" ? source : Buffer.from((source ?? new Uint8Array(0)) as Uint8Array).toString(),
        );
        left.delete(patch);
      }
      return { ...loaded, source };
    },
  });
  process.on("exit", () => {
    for (const { file } of left) console.error(`a fault was to be planted in ${file}, which was never loaded`);
  });
}

/** Builds the console: hashed files below assets/, each with its .br and .gz beside it, so that nothing is compressed while it is served. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Smaller files gain nothing. */
const COMPRESSED_BYTES_MIN = 256;

/** Writes NAME.br and NAME.gz beside every text that was built. */
function precompressed(directory: string): Plugin {
  return {
    name: "precompressed",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
        if (!/\.(?:js|css|html|svg)$/.test(name)) continue;
        const path = join(directory, name);
        const bytes = readFileSync(path);
        if (bytes.length < COMPRESSED_BYTES_MIN) continue;
        const quality = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: quality }));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [precompressed(join(import.meta.dirname, "dist"))],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    // Nothing is inlined as data:, and no script is put into the page by Vite itself: the page's policy forbids both.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});

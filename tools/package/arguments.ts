/** What `./dev package` is asked for. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Arch, ARCHES, type ProductName } from "./product.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const FORMATS = ["folder", "tar", "deb", "rpm"] as const;
export type Format = (typeof FORMATS)[number];
const WHAT: readonly (ProductName | "repository")[] = ["agent", "collector", "repository"];

export interface Request {
  what: ProductName | "repository";
  arches: readonly Arch[];
  formats: readonly Format[];
  /** Undefined for the version of the source. */
  version: string | undefined;
  /** Folder that the packages go to. */
  dist: string;
  /** Compress little. */
  fast: boolean;
  /** A key of gpg's. */
  sign: string | undefined;
}

function oneOf<Value extends string>(kind: string, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`${kind} "${value}"; there are ${allowed.join(", ")}`);
  return found;
}

/** Reads the words behind `./dev package`; throws an Error that says what is allowed. */
export function readRequest(args: readonly string[]): Request {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      format: { type: "string", multiple: true, default: [...FORMATS] },
      version: { type: "string" },
      out: { type: "string", default: join(ROOT, "dist") },
      fast: { type: "boolean", default: false },
      sign: { type: "string" },
    },
  });
  const [what = "", ...words] = positionals;
  const { version, fast, sign } = values;
  return {
    what: oneOf("product", what, WHAT),
    arches: words.length === 0 ? ARCHES : words.map((word) => oneOf("architecture", word, ARCHES)),
    formats: values.format.map((word) => oneOf("format", word, FORMATS)),
    version,
    dist: resolve(values.out),
    fast,
    sign,
  };
}

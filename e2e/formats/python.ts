/** The tools of `requirements.txt`, as programs that are asked by standard input and answer with JSON. */
import { execFileSync } from "node:child_process";
import { pythonWith } from "../python.ts";

const REQUIREMENTS = new URL("requirements.txt", import.meta.url).pathname;
const ANSWER_MS = 300_000;
const ANSWER_BYTES = 1 << 30;
const tools = pythonWith("formats", REQUIREMENTS);

/** Why they cannot be had here; undefined where they can. */
export const WHY_NO_TOOLS: string | undefined = typeof tools === "string" ? tools : undefined;

/** What a program of this folder prints, as the JSON that it is. Throws with what it said where it fails. */
export function ask(program: string, words: readonly string[], input: string | Uint8Array = ""): unknown {
  if (typeof tools === "string") throw new Error(tools);
  const path = new URL(program, import.meta.url).pathname;
  const options = { input, maxBuffer: ANSWER_BYTES, timeout: ANSWER_MS } as const;
  return JSON.parse(execFileSync(tools.python, ["-I", path, ...words], options).toString());
}

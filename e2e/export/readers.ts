/** Readers of others for what we export, by the pinned requirements of this folder. */
import { execFileSync } from "node:child_process";
import { pythonWith } from "../python.ts";

const REQUIREMENTS = new URL("requirements.txt", import.meta.url).pathname;
const DUCK = new URL("duck.py", import.meta.url).pathname;
const ANSWER_BYTES = 1 << 30;
const readers = pythonWith("export", REQUIREMENTS);

/** Why they cannot be had here; false where they can. */
export const WHY_NO_READERS: string | false = typeof readers === "string" ? readers : false;

/** Their Python. */
export function python(): string {
  if (typeof readers === "string") throw new Error(readers);
  return readers.python;
}

/** What DuckDB answers to a question of SQL. Throws with what it says where it does not. */
export function duck<Row = Record<string, unknown>>(question: string): Row[] {
  const answer = execFileSync(python(), ["-I", DUCK, question], { maxBuffer: ANSWER_BYTES });
  return JSON.parse(answer.toString()) as Row[];
}

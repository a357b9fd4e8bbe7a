/**
 * Which records may keep a text, told by what they keep as it is written: reading it costs far more. A text is written as it is, or as hex
 * in capitals; see `readRecord` and `readKept` of lib/audit.
 */
import type { Lists } from "../block/index.ts";
import type { Page } from "./page.ts";
import type { Question } from "./question.ts";

const encoder = new TextEncoder();
const NONE = new Uint32Array(0);
const PLAIN = { form: String };
/** What bytes that are no text are read as. */
const REPLACEMENT = "\ufffd";

/** Says no for rows in which nothing can pass the question; undefined where that cannot be told. */
export function mayKeep(
  { offsets, values }: Lists,
  question: Question,
  page: Page,
): ((row: number) => boolean) | undefined {
  const written = writtenOf(question);
  if (written === undefined) return undefined;
  const decisions = page.decisions(written, PLAIN);
  const [, texts = NONE, bytes = NONE] = values;
  return (row) => {
    const end = offsets[row + 1] ?? 0;
    for (let at = offsets[row] ?? 0; at < end; at++)
      if (bytes[at] !== 0 || decisions.passes(texts[at] ?? 0)) return true;
    return false;
  };
}

/** Kept with the question, so that it is the same whenever it is wanted. */
const known = new WeakMap<Question, Question>();

/** What asks whether a text may keep what passes the question, as it is or in hex; undefined where that cannot be told. */
export function writtenOf(question: Question): Question | undefined {
  const before = known.get(question);
  if (before !== undefined) return before;
  const { form, parts = [] } = question;
  const longest = (form === undefined ? parts : [form]).reduce((a, b) => (b.length > a.length ? b : a), "");
  if (longest === "" || longest.includes(REPLACEMENT)) return undefined;
  const hex = Array.from(encoder.encode(longest), (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();
  const written: Question = { test: (text) => text.includes(longest) || text.includes(hex) };
  known.set(question, written);
  return written;
}

/** A block while a filter is held against it: what was decided of its strings, once for each. */
import type { ColumnBlock } from "../block/index.ts";
import type { Question } from "./question.ts";
import type { FieldType } from "./types.ts";

const NO = 1;
const YES = 2;

/** Which of a block's strings pass a question. */
export class StringDecisions {
  readonly #block: ColumnBlock;
  readonly #decided: Uint8Array;
  readonly #test: (text: string) => boolean;

  constructor(block: ColumnBlock, test: (text: string) => boolean) {
    this.#block = block;
    this.#decided = new Uint8Array(block.strings.count);
    this.#test = test;
  }

  passes(number: number): boolean {
    const known = this.#decided[number];
    if (known === YES) return true;
    if (known === NO) return false;
    // Throws where there is no such string.
    const isPassed = this.#test(this.#block.strings.text(number, "strings"));
    this.#decided[number] = isPassed ? YES : NO;
    return isPassed;
  }
}

export class Page {
  readonly block: ColumnBlock;
  readonly #decisions = new Map<Question, [FieldType["form"], Of, StringDecisions][]>();

  constructor(block: ColumnBlock) {
    this.block = block;
  }

  /** Shared by all fields of which the same is asked. */
  decisions(question: Question, { form }: Pick<FieldType, "form">, of?: Of): StringDecisions {
    let all = this.#decisions.get(question);
    if (all === undefined) this.#decisions.set(question, (all = []));
    const known = all.find(([knownForm, knownOf]) => knownForm === form && knownOf === of);
    if (known !== undefined) return known[2];
    const decisions = new StringDecisions(this.block, testOf(question, form, of));
    all.push([form, of, decisions]);
    return decisions;
  }
}

/** What of a string is the value. */
type Of = ((text: string) => string) | undefined;

function testOf(question: Question, form: FieldType["form"], of: Of): (text: string) => boolean {
  if (form === String && of === undefined) return (text) => question.test(text);
  return (text) => {
    const own = form(of === undefined ? text : of(text));
    return own !== undefined && question.test(own);
  };
}

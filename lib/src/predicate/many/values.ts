/** Which of many questions to a field a text passes: decided once for each text, and remembered from block to block. */
import { type KnownTexts, NO_NUMBERS, type Numbers } from "./texts.ts";

/** A question to a value's text. */
export interface ValueQuestion {
  /** The text in lower case that a value must equal, where that is all. */
  equals?: string;
  /** A text in lower case that stands in every value that passes; the longer, the less often the question is asked. */
  part?: string;
  /** Several texts in lower case, in place of `part`: one of them stands in every value that passes. */
  parts?: readonly string[];
  /** Takes long, and nothing tells beforehand which values may pass: it is asked last, and only where everything else leaves it to it. */
  isCostly?: boolean;
  /** Decides; `lower` is the value in lower case. */
  test: (value: string, lower: string) => boolean;
}

/** A question by its number. */
interface Numbered {
  atom: number;
  question: ValueQuestion;
  /** The decision in which it was asked last: several parts may lead to it. */
  askedIn: number;
}

/** Places in the list of answers: for texts that nothing was decided of, and for those that pass nothing. */
const UNDECIDED = 0;
const NOTHING = 1;

/** The questions to one field, each by its number. */
export class ValueQuestions {
  readonly #texts: KnownTexts;
  readonly #all: Numbered[] = [];
  readonly #equal = new Map<string, number[]>();
  readonly #byPart = new Map<number, Numbered[]>();
  readonly #others: Numbered[] = [];
  /** For each text by its number the place of its answer. */
  #decided = new Uint32Array(64);
  #answers: Numbers[] = [NO_NUMBERS, NO_NUMBERS];
  #decisions = 0;

  constructor(texts: KnownTexts) {
    this.#texts = texts;
  }

  add(atom: number, question: ValueQuestion): void {
    const numbered = { atom, question, askedIn: 0 };
    this.#all.push(numbered);
    const { equals } = question;
    const parts = partsOf(question);
    if (equals !== undefined) {
      const atoms = this.#equal.get(equals);
      if (atoms === undefined) this.#equal.set(equals, [atom]);
      else atoms.push(atom);
    } else if (parts.length > 0) {
      for (const part of parts) {
        const number = this.#texts.addPart(part);
        const questions = this.#byPart.get(number);
        if (questions === undefined) this.#byPart.set(number, [numbered]);
        else questions.push(numbered);
      }
    } else this.#others.push(numbered);
  }

  /** True where nothing is asked. */
  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** Those of the questions that a text of these characters alone can pass. */
  among(characters: RegExp): ValueQuestions {
    const possible = new ValueQuestions(this.#texts);
    for (const { atom, question } of this.#all) if (mayBeOf(question, characters)) possible.add(atom, question);
    return possible;
  }

  /** Numbers of the questions that a text passes which will hardly come again: it is not remembered. */
  passedByRare(text: string): Numbers {
    if (this.#all.length === 0) return NO_NUMBERS;
    return this.#decide(text, this.#byPart.size === 0 ? NO_NUMBERS : this.#texts.partsIn(text.toLowerCase()));
  }

  /** Numbers of the questions that a text passes, which has this number among those that are known. */
  passedBy(number: number, text: string): Numbers {
    const place = this.#decided[number] ?? UNDECIDED;
    return place === UNDECIDED ? this.#learn(number, text) : (this.#answers[place] as Numbers);
  }

  #learn(number: number, text: string): Numbers {
    const answer = this.#decide(text, this.#byPart.size === 0 ? NO_NUMBERS : this.#texts.partsOf(number, text));
    if (number >= this.#decided.length) {
      const larger = new Uint32Array(Math.max(this.#decided.length * 2, number + 1));
      larger.set(this.#decided);
      this.#decided = larger;
    }
    this.#decided[number] = answer.length === 0 ? NOTHING : this.#answers.push(answer) - 1;
    return answer;
  }

  /** Numbers of texts mean others from now on. */
  forget(): void {
    this.#decided.fill(UNDECIDED);
    this.#answers.length = NOTHING + 1;
  }

  /** `parts` are those that stand in the text. */
  #decide(text: string, parts: Numbers): Numbers {
    const lower = text.toLowerCase();
    const found: number[] = [];
    const equal = this.#equal.get(lower);
    if (equal !== undefined) found.push(...equal);
    const decision = ++this.#decisions;
    for (const part of parts)
      for (const numbered of this.#byPart.get(part) ?? []) {
        if (numbered.askedIn === decision) continue;
        numbered.askedIn = decision;
        if (numbered.question.test(text, lower)) found.push(numbered.atom);
      }
    for (const { atom, question } of this.#others) if (question.test(text, lower)) found.push(atom);
    return found.length === 0 ? NO_NUMBERS : found;
  }
}

/** A question that takes long, with what was decided of texts by their numbers. */
export class CostlyQuestion {
  readonly #question: ValueQuestion;
  /** 0 where nothing was decided, 1 for no, 2 for yes. */
  #known = new Uint8Array(64);

  constructor(question: ValueQuestion) {
    this.#question = question;
  }

  passes(number: number, text: string): boolean {
    const known = this.#known[number] ?? 0;
    if (known !== 0) return known === 2;
    const isPassed = passes(this.#question, text);
    if (number >= this.#known.length) {
      const larger = new Uint8Array(Math.max(this.#known.length * 2, number + 1));
      larger.set(this.#known);
      this.#known = larger;
    }
    this.#known[number] = isPassed ? 2 : 1;
    return isPassed;
  }

  /** Numbers of texts mean others from now on. */
  forget(): void {
    this.#known.fill(0);
  }
}

function partsOf({ part, parts }: ValueQuestion): readonly string[] {
  if (parts !== undefined) return parts;
  return part === undefined || part === "" ? [] : [part];
}

/** Whether a text of these characters alone can pass. */
function mayBeOf(question: ValueQuestion, characters: RegExp): boolean {
  const { equals } = question;
  if (equals !== undefined) return characters.test(equals);
  const parts = partsOf(question);
  return parts.length === 0 ? characters.test("") : parts.some((part) => characters.test(part));
}

/** Whether one text passes a question. */
export function passes({ equals, test }: ValueQuestion, text: string): boolean {
  const lower = text.toLowerCase();
  return equals === undefined ? test(text, lower) : lower === equals;
}

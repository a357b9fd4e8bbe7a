/** Which of many questions to a field a text passes: decided once for each text, and remembered from block to block. */
import { type KnownTexts, NO_NUMBERS, type Numbers } from "./texts.ts";

/** A question to a value's text. */
export interface ValueQuestion {
  /** The text in lower case that a value must equal, where that is all. */
  equals?: string;
  /** A text in lower case that stands in every value that passes; the longer, the less often the question is asked. */
  part?: string;
  /** Decides; `lower` is the value in lower case. */
  test: (value: string, lower: string) => boolean;
}

/** A question by its number. */
interface Numbered {
  atom: number;
  question: ValueQuestion;
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

  constructor(texts: KnownTexts) {
    this.#texts = texts;
  }

  add(atom: number, question: ValueQuestion): void {
    this.#all.push({ atom, question });
    const { equals, part } = question;
    if (equals !== undefined) {
      const atoms = this.#equal.get(equals);
      if (atoms === undefined) this.#equal.set(equals, [atom]);
      else atoms.push(atom);
    } else if (part !== undefined && part !== "") {
      const number = this.#texts.addPart(part);
      const questions = this.#byPart.get(number);
      if (questions === undefined) this.#byPart.set(number, [{ atom, question }]);
      else questions.push({ atom, question });
    } else this.#others.push({ atom, question });
  }

  /** True where nothing is asked. */
  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** Those of the questions that a text of these characters alone can pass. */
  among(characters: RegExp): ValueQuestions {
    const possible = new ValueQuestions(this.#texts);
    for (const { atom, question } of this.#all)
      if (characters.test(question.equals ?? question.part ?? "")) possible.add(atom, question);
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
    for (const part of parts)
      for (const { atom, question } of this.#byPart.get(part) ?? []) if (question.test(text, lower)) found.push(atom);
    for (const { atom, question } of this.#others) if (question.test(text, lower)) found.push(atom);
    return found.length === 0 ? NO_NUMBERS : found;
  }
}

/** Whether one text passes a question. */
export function passes({ equals, test }: ValueQuestion, text: string): boolean {
  const lower = text.toLowerCase();
  return equals === undefined ? test(text, lower) : lower === equals;
}

/** The parts of a request, put together within bounds. */
import type { TestRulesRequest } from "@hosttrail/proto/rule";
import { invalidField } from "../serve/index.ts";

/** Far more than any repository of rules has. */
const FILES_MAX = 20_000;
const CHARACTERS_MAX: number = 16 * 1024 * 1024;
const PATH_LENGTH_MAX = 512;
/** All come in the first message, which is not large. */
const PLACEHOLDERS_MAX = 1000;

export class TrialParts {
  readonly #files: { path: string; texts: string[] }[] = [];
  #first: TestRulesRequest | undefined;
  #characters = 0;

  /** Throws a ServiceError where it is too much. */
  add(part: TestRulesRequest): void {
    this.#first ??= part;
    for (const { path, text } of part.files) {
      if (path === "" || path.length > PATH_LENGTH_MAX)
        throw invalidField("files.path", path, `1 to ${PATH_LENGTH_MAX} characters`);
      this.#characters += text.length;
      if (this.#characters > CHARACTERS_MAX)
        throw invalidField("files", this.#characters, `${CHARACTERS_MAX} characters in all files together`);
      const last = this.#files.at(-1);
      if (last?.path === path) last.texts.push(text);
      else this.#files.push({ path, texts: [text] });
      if (this.#files.length > FILES_MAX) throw invalidField("files", this.#files.length, `${FILES_MAX} files`);
    }
  }

  finish(): TestRulesRequest {
    const files = this.#files.map(({ path, texts }) => ({ path, text: texts.join("") }));
    if (this.#first === undefined || files.length === 0) throw invalidField("files", 0, `1 to ${FILES_MAX} files`);
    const { length } = this.#first.placeholders;
    if (length > PLACEHOLDERS_MAX) throw invalidField("placeholders", length, `${PLACEHOLDERS_MAX} placeholders`);
    return { ...this.#first, files };
  }
}

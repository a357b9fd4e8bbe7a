/** A ruleset that comes in parts, put together within bounds. */
import { status } from "@grpc/grpc-js";
import { PutRulesetRequest, type RuleSource } from "@hosttrail/proto/rule";
import { checkText, type Gathering, invalidField, serviceError } from "../serve/index.ts";

const FILES_MAX = 10_000;
/** Characters of all files of one ruleset: a document of the database has 16 MB at most. */
const CHARACTERS_MAX: number = 8 * 1024 * 1024;
const PATH_LENGTH_MAX = 255;

export class RulesetParts implements Gathering<PutRulesetRequest, PutRulesetRequest> {
  readonly #files = new Map<string, string[]>();
  #first: PutRulesetRequest | undefined;
  #last = "";
  #characters = 0;

  /** Throws a ServiceError where it is too much, or not a file that a ruleset may have. */
  add(part: PutRulesetRequest): void {
    this.#first ??= part;
    for (const file of part.ruleset?.files ?? []) this.#addFile(file);
  }

  #addFile({ path, text }: RuleSource): void {
    this.#characters += text.length;
    if (this.#characters > CHARACTERS_MAX || this.#files.size > FILES_MAX) {
      const message = `a ruleset has at most ${FILES_MAX} files and ${CHARACTERS_MAX} characters in all of them together`;
      throw serviceError(status.INVALID_ARGUMENT, "RULESET_TOO_LARGE", message);
    }
    const texts = this.#files.get(path);
    if (texts !== undefined && path === this.#last) texts.push(text);
    else if (texts !== undefined) throw invalidField("ruleset.files.path", path, "each path once");
    else this.#files.set(checkPath(path), [text]);
    this.#last = path;
  }

  finish(): PutRulesetRequest {
    const files = Array.from(this.#files, ([path, texts]) => ({ path, text: texts.join("") }));
    // The order of files does not depend on who sent them.
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    const first = this.#first ?? PutRulesetRequest.create();
    return { ...first, ruleset: first.ruleset && { ...first.ruleset, files } };
  }
}

function checkPath(path: string): string {
  checkText("ruleset.files.path", path, { min: 1, max: PATH_LENGTH_MAX });
  const isPlain = path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (isPlain && !path.includes("\\") && /\.ya?ml$/.test(path)) return path;
  throw invalidField("ruleset.files.path", path, 'paths within the ruleset that end in .yml or .yaml, without ".."');
}

/** As the record of calls has it: which files, and not what is in them. */
export function recordedRuleset({ ruleset, ...rest }: PutRulesetRequest): unknown {
  const files = ruleset?.files.map(({ path }) => ({ path, text: "" })) ?? [];
  return PutRulesetRequest.toJSON({ ...rest, ruleset: ruleset && { ...ruleset, files } });
}

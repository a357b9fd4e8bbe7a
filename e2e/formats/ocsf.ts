/**
 * Documents held against the Open Cybersecurity Schema Framework as it is published, by the schemas in `ocsf-json-schema`: as JSON Schema, and in
 * what that cannot say: words that go with numbers.
 */
import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { ask } from "./python.ts";

interface Sibling {
  number: string;
  words: string;
  captions: Readonly<Record<string, string>>;
}

interface Published {
  schema: object;
  siblings: readonly Sibling[];
}

interface KnownClass {
  validate: ValidateFunction;
  siblings: readonly Sibling[];
}

/** The number that stands for what has no number; its words are free. */
const OTHER = "99";

export interface OcsfSchemas {
  /** What is wrong with a document. */
  problems(document: Readonly<Record<string, unknown>>): string[];
}

/** The schemas of a release, of these classes with the profiles that documents name. */
export function openOcsf(version: string, classes: readonly number[], profiles: readonly string[]): OcsfSchemas {
  const names = classes.map((each) => [each, ...profiles].join());
  const published = ask("ocsf.py", [version, ...names]) as Readonly<Record<string, Published>>;
  const known = new Map<number, KnownClass>();
  for (const each of classes) {
    const found = published[[each, ...profiles].join()];
    if (found === undefined) throw new Error(`OCSF ${version} has no class ${each}`);
    // Schemas have words of their own ("deprecated") and formats as regular expressions; they are used as they are published.
    const ajv = new Ajv2020({ allErrors: true, strict: false });
    known.set(each, { validate: ajv.compile(found.schema), siblings: found.siblings });
  }
  return {
    problems(document) {
      const kind = known.get(Number(document["class_uid"]));
      if (kind === undefined)
        return [`class_uid: ${JSON.stringify(document["class_uid"])} is not among ${classes.join()}`];
      const metadata = document["metadata"] as { version?: unknown; profiles?: unknown } | undefined;
      const told = [metadata?.version, metadata?.profiles];
      const problems =
        JSON.stringify(told) === JSON.stringify([version, profiles]) ? [] : [`metadata: ${JSON.stringify(told)}`];
      if (!kind.validate(document))
        for (const { instancePath, message, params } of kind.validate.errors ?? [])
          problems.push(`${instancePath || "/"}: ${message} ${JSON.stringify(params)}`);
      return [...problems, ...kind.siblings.flatMap((sibling) => wordProblems(document, sibling))];
    },
  };
}

function wordProblems(document: Readonly<Record<string, unknown>>, { number, words, captions }: Sibling): string[] {
  if (!(words in document)) return [];
  if (!(number in document)) return [`/${words}: without ${number}`];
  const [id, text] = [JSON.stringify(document[number]), JSON.stringify(document[words])];
  const caption = JSON.stringify(captions[id]);
  return id === OTHER || text === caption ? [] : [`/${words}: ${text}, not ${caption}, goes with ${id}`];
}

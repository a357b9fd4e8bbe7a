/**
 * Results as JUnit XML, which every CI reads.
 * Source: https://github.com/testmoapp/junitxml
 */

export interface TestCase {
  name: string;
  /** What groups cases: the rule's file. */
  className: string;
  /** Why it failed; none where it passed. */
  failures: readonly string[];
  /** Why it could not be decided. */
  errors: readonly string[];
}

export function junitXml(suite: string, cases: readonly TestCase[]): string {
  const failures = cases.filter((each) => each.failures.length > 0).length;
  const errors = cases.filter((each) => each.failures.length === 0 && each.errors.length > 0).length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="${errors}" skipped="0"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${escaped(suite)}" ${counts}>`,
    ...cases.map(caseXml),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function caseXml({ name, className, failures, errors }: TestCase): string {
  const head = `    <testcase name="${escaped(name)}" classname="${escaped(className)}"`;
  const kind = failures.length > 0 ? "failure" : "error";
  const told = failures.length > 0 ? failures : errors;
  const [first] = told;
  if (first === undefined) return `${head}/>`;
  const element = `      <${kind} message="${escaped(first)}">${escaped(told.join("\n"))}</${kind}>`;
  return `${head}>\n${element}\n    </testcase>`;
}

/** Characters that XML 1.0 cannot have, in whatever form: what is told of one is its number. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  // In an attribute these would become blanks.
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function escaped(text: string): string {
  return text
    .replaceAll(FORBIDDEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
    .replaceAll(/[&<>"\t\n\r]/g, (character) => ENTITIES[character] ?? "");
}

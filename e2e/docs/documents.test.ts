/**
 * What stands in fenced blocks of the documents: commands that are run, by commands.test.ts or by the test that a comment names, or whose comment says why
 * not; of all of them, whether our programs have these commands and options. Settings are read by the programs that they are for.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { readPage } from "../../tools/docs/page.ts";
import { commandsOf, type Fence, fencesOf, markOfCommand, SHELLS } from "./fences.ts";
import { fencesOfPage, PAGES, textOf } from "./pages.ts";
import { ownWordsOf, PART_OF_A_COMMAND, PROGRAMS } from "./programs.ts";
import { problemOfSettings } from "./settings.ts";
import { wordsOf } from "./words.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** A test's text, with that of the files beside it that it imports, and those that they import. */
function textWithImports(file: string, seen: Set<string> = new Set()): string {
  if (seen.has(file) || !existsSync(join(ROOT, file))) return "";
  seen.add(file);
  const text = readFileSync(join(ROOT, file), "utf8");
  const inner = Array.from(text.matchAll(/from "(\.[^"]+)"/g), ([, path = ""]) => join(dirname(file), path));
  return [text, ...inner.map((path) => textWithImports(path, seen))].join("\n");
}

const texts = new Map<string, string>();

/** Words that the test which is named does not have. */
function missingIn(file: string, words: readonly string[]): string[] {
  const text = texts.get(file) ?? textWithImports(file);
  texts.set(file, text);
  return words.filter(
    (word) => !new RegExp(`(?<![\\w-])${word.replaceAll(/[^\w-]/g, String.raw`\$&`)}(?![\\w-])`).test(text),
  );
}

/** Whether a test takes the commands out of the page itself: then it has none of their words. */
function readsPage(file: string, page: string): boolean {
  return (
    existsSync(join(ROOT, file)) &&
    readFileSync(join(ROOT, file), "utf8").includes(page) &&
    missingIn(file, ["blocksOf"]).length === 0
  );
}

interface Counts {
  run: number;
  elsewhere: number;
  not: string[];
}

/** What stands in a command of a program that is none of ours: names of files, and the ends of paths and addresses. */
function namesIn(words: readonly string[]): string[] {
  return words
    .slice(1)
    .filter((word) => !word.startsWith("-"))
    .map((word) => word.split("/").at(-1) ?? "")
    .filter((word) => word !== "");
}

/** Problems of a shell's block; counts its commands. */
function problemsOf(fence: Fence, counts: Counts): string[] {
  const where = `${fence.page}:${fence.line}`;
  const problems: string[] = [];
  const commands = commandsOf(fence);
  if (commands.length === 0) problems.push(`${where}: no command stands in it`);
  for (const { command } of fence.marks)
    if (command !== "" && !commands.some((each) => each.startsWith(command)))
      problems.push(`${where}: a comment speaks of "${command}", and no command begins so`);
  for (const command of commands) {
    const own = wordsOf(command).map((words) => ownWordsOf(words));
    for (const each of own) if (each !== undefined && each.problem !== "") problems.push(`${where}: ${each.problem}`);
    const mark = markOfCommand(fence, command, ["run by", "not run"]);
    if (mark === undefined) counts.run += 1;
    else if (mark.kind === "not run") counts.not.push(`${where}: ${command.split("\n")[0]}: ${mark.text}`);
    else if (fence.language === "console" && readsPage(mark.text, fence.page)) counts.run += 1;
    else {
      counts.elsewhere += 1;
      if (!existsSync(join(ROOT, mark.text))) problems.push(`${where}: there is no ${mark.text}`);
      const words = own.flatMap((each) => each?.words ?? []);
      const missing = missingIn(mark.text, words);
      const names = words.length > 0 ? [] : wordsOf(command).flatMap(namesIn);
      if (names.length > 0 && missingIn(mark.text, names).length === names.length)
        problems.push(`${where}: ${mark.text} has nothing of ${names.join(", ")} (${command})`);
      if (missing.length > 0) problems.push(`${where}: ${mark.text} has nothing of ${missing.join(", ")} (${command})`);
    }
  }
  return problems;
}

describe("commands in the documents", () => {
  it("are run here or by a test that has them, or it is said why not", (context) => {
    const counts: Counts = { run: 0, elsewhere: 0, not: [] };
    const shells = PAGES.flatMap(fencesOfPage).filter(({ language }) => SHELLS.includes(language));
    const problems = shells.flatMap((fence) => problemsOf(fence, counts));
    assert.deepEqual(problems, []);
    context.diagnostic(
      `${counts.run} commands are run as they stand there, ${counts.elsewhere} by other tests, ${counts.not.length} by none:`,
    );
    for (const each of counts.not) context.diagnostic(each);
  });

  it("stand in no block that is not looked at", () => {
    for (const page of PAGES) {
      const blocks = readPage(page, textOf(page)).tokens.filter(
        ({ type }) => type === "fence" || type === "code_block",
      );
      assert.equal(fencesOfPage(page).length, blocks.length, page);
    }
  });

  it("stand in blocks that say so", () => {
    const programs = new RegExp(
      `^(\\$ )?(${[...Object.keys(PROGRAMS), "\\./dev", "kubectl", "aws", "curl"].join("|")}) `,
      "m",
    );
    for (const { page, line, language, text } of PAGES.flatMap(fencesOfPage))
      if (!SHELLS.includes(language)) assert.doesNotMatch(text, programs, `${page}:${line}`);
  });
});

/** Code within prose that begins as a command of ours, with its line. */
function namedIn(page: string): { where: string; code: string }[] {
  return textOf(page)
    .split("\n")
    .flatMap((line, at) =>
      Array.from(line.matchAll(/(?<!`)`((?:hosttrail(?:-[a-z]+)?|\.\/dev) [^`]+)`(?!`)/g), ([, code = ""]) => ({
        where: `${page}:${at + 1}`,
        code,
      })),
    );
}

/** Words of a usage, in which no value stands. */
const USAGE = /\[|\bCOMMAND\b/;

describe("commands that prose names", () => {
  it("are those of our programs, whole or from their beginning", () => {
    const named = PAGES.flatMap(namedIn).filter(({ code }) => !USAGE.test(code));
    assert.ok(named.length > 100);
    const problems = named.flatMap(({ where, code }) =>
      wordsOf(code).flatMap((words) => {
        const problem = ownWordsOf(words)?.problem ?? "";
        return problem === "" || problem.endsWith(PART_OF_A_COMMAND) ? [] : [`${where}: ${code}: ${problem}`];
      }),
    );
    assert.deepEqual(problems, []);
  });
});

describe("the reader of fences", () => {
  it("refuses a block of no known language, one that does not end, and a comment that says nothing of it", () => {
    assert.throws(
      () => fencesOf("a.md", "x\n```\nhosttrail hosts\n```"),
      /a\.md:2: a block of ""; allowed are sh, console/,
    );
    assert.throws(() => fencesOf("a.md", "```sh\nhosttrail hosts"), /a\.md:1: the block does not end/);
    assert.throws(() => fencesOf("a.md", "<!-- ran by x -->\n```sh\nls\n```"), /a\.md:1: .* says nothing of a block/);
  });

  it("finds what is wrong with a command", () => {
    const problems = (text: string): string[] =>
      fencesOf("a.md", text).flatMap((fence) => problemsOf(fence, { run: 0, elsewhere: 0, not: [] }));
    const wrong = [
      ["```sh\nhosttrail hostz\n```", 'a.md:1: hosttrail  has no command "hostz"'],
      ["```sh\nhosttrail hosts --lable a=b\n```", "a.md:1: hosttrail hosts has no option --lable"],
      ["```sh\nhosttrail hosts; hosttrail token\n```", "a.md:1: hosttrail token is no whole command"],
      ["```sh\nhosttrail-agent staus\n```", 'a.md:1: hosttrail-agent has no command "staus "'],
      ["```sh\nhosttrail-agent rules\n```", "a.md:1: hosttrail-agent rules is no whole command"],
      [
        "<!-- run by e2e/files.test.ts -->\n```sh\ncurl http://x/nowhere\n```",
        "a.md:2: e2e/files.test.ts has nothing of nowhere (curl http://x/nowhere)",
      ],
      ["```sh\nhosttrail-collector ca make\n```", 'a.md:1: hosttrail-collector has no command "ca make"'],
      ["```sh\n./dev bench nothing\n```", 'a.md:1: ./dev bench knows no "nothing"'],
      ["```sh\n```", "a.md:1: no command stands in it"],
      ["<!-- run by e2e/none.test.ts -->\n```sh\nls\n```", "a.md:2: there is no e2e/none.test.ts"],
      [
        "<!-- not run (rm): it is gone -->\n```sh\nls\n```",
        'a.md:2: a comment speaks of "rm", and no command begins so',
      ],
      [
        "<!-- run by e2e/files.test.ts -->\n```sh\nhosttrail coverage aws\n```",
        "a.md:2: e2e/files.test.ts has nothing of coverage, aws (hosttrail coverage aws)",
      ],
    ] as const;
    for (const [text, problem] of wrong) assert.deepEqual(problems(text), [problem]);
  });

  it("knows words, quotes, comments and what ends a command", () => {
    assert.deepEqual(wordsOf("a 'b c' --d=\"e f\" # g\n"), [["a", "b c", "--d=e f"]]);
    assert.deepEqual(wordsOf("a > b; c | d 2> e && f \\\n  g#h"), [["a"], ["c"], ["d"], ["f", "g#h"]]);
  });
});

describe("settings in the documents", () => {
  const yaml = PAGES.flatMap(fencesOfPage).filter(({ language }) => language === "yaml");

  it("are part of a file whose program takes them, or are read by another test", () => {
    const problems = yaml.flatMap(({ page, line, text, marks }) => {
      const where = `${page}:${line}`;
      const reader = marks.find(({ kind }) => kind === "read by");
      if (reader !== undefined)
        return existsSync(join(ROOT, reader.text)) ? [] : [`${where}: there is no ${reader.text}`];
      const part = marks.find(({ kind }) => kind === "a part of" || kind === "all of");
      if (part === undefined)
        return [`${where}: a comment must say of which file it is a part, or which test reads it`];
      const problem = problemOfSettings(part.text, part.command, text, part.kind === "all of");
      return problem === "" ? [] : [`${where}: ${problem}`];
    });
    assert.deepEqual(problems, []);
  });

  it("are refused where they are wrong", () => {
    assert.match(problemOfSettings("collector.yaml", "", "notify: {rout: []}"), /notify\.rout\b/);
    assert.match(problemOfSettings("collector.yaml", "notify.routes", "- {name: x, target: post}"), /target/);
    assert.match(problemOfSettings("fleet.yaml", "", "agent: {lables: {}}"), /lables/);
    assert.match(problemOfSettings("agent.yaml", "", "spool: {bytes_max: -1}"), /bytes_max/);
    assert.match(problemOfSettings("other.yaml", "", "a: 1"), /nothing reads other\.yaml/);
  });

  it("are JSON where they say so", () => {
    for (const { page, line, language, text } of PAGES.flatMap(fencesOfPage))
      if (language === "json") assert.doesNotThrow(() => JSON.parse(text) as unknown, `${page}:${line}`);
  });
});

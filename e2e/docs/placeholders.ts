/** What a person puts in the place of `<id>`, `ID` and `KEY`: something that is there when the command is typed. */
import { execFileSync } from "node:child_process";

/** Runs the CLI with --json; gives its lines. */
type Ask = (...words: string[]) => Record<string, unknown>[];

/** Asks as a person does in this folder with this environment. */
export function asker(who: () => { folder: string; environment: NodeJS.ProcessEnv }): Ask {
  return (...words) => {
    const { folder: cwd, environment: env } = who();
    const text = execFileSync("bash", ["-c", 'exec hosttrail "$@" --json', "hosttrail", ...words], {
      cwd,
      env,
      encoding: "utf8",
    });
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
}

interface Placeholder {
  pattern: RegExp;
  find: (ask: Ask) => unknown;
}

const oldHost = (ask: Ask): unknown => ask("host", "list").find(({ hostName }) => hostName === "ci7")?.["hostId"];
const rule = (ask: Ask): unknown => (ask("rules", "list")[0]?.["rule"] as { key?: unknown } | undefined)?.key;

/** The first of which the words are right; what it finds takes the place of its last group. */
const PLACEHOLDERS: readonly Placeholder[] = [
  {
    pattern: /(?<=hosttrail get )<id>/,
    find: (ask) => ask("search", "event.action = executed", "--limit", "1")[0]?.["id"],
  },
  {
    pattern: /(?<=alert \w+ |--alert )(?:<id>|ID)/,
    find: (ask) => (ask("alerts", "--severity", "high")[0] ?? ask("alerts")[0])?.["id"],
  },
  { pattern: /(?<=suppression \w+ )ID/, find: (ask) => ask("suppression", "list")[0]?.["id"] },
  { pattern: /(?<=host revoke )<id>/, find: oldHost },
  { pattern: /(?<=--host )ID/, find: oldHost },
  { pattern: /(?<=--rule |--key |rules \w+ )KEY/, find: rule },
];

/** The command with what is meant. Throws where a placeholder is left, or nothing is there to take its place. */
export function filledIn(command: string, ask: Ask): string {
  let text = command;
  for (const { pattern, find } of PLACEHOLDERS) {
    if (!pattern.test(text)) continue;
    const found = find(ask);
    if (typeof found !== "string" || found === "")
      throw new Error(`nothing is there for ${pattern.source} of: ${command}`);
    text = text.replace(pattern, found);
  }
  const left = /<[a-z]+>|\b(?:ID|KEY|NAME|FILE|TOKEN)\b/.exec(text.replace(/#.*/, ""));
  if (left !== null) throw new Error(`nothing is known that takes the place of ${left[0]} in: ${command}`);
  return text;
}

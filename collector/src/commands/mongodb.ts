/** `hosttrail-collector mongodb …`: what the database must have for us, what it has, and how it comes to that. */
import type { CollectorConfig } from "../config/index.ts";
import {
  applyDatabase,
  type DatabaseFinding,
  type DatabaseLogin,
  databaseRightsText,
  surveyDatabase,
} from "../mongodb/index.ts";
import { databaseOptions, rolesOf } from "../roles/index.ts";

const LOGINS: readonly DatabaseLogin[] = [
  "apply",
  "enroll",
  "ingest",
  "store",
  "compact",
  "detect",
  "query",
  "notify",
  "attest",
  "coverage",
  "export",
  "console",
];
const SIGNS: Readonly<Record<DatabaseFinding["level"], string>> = {
  ok: "ok     ",
  change: "change ",
  warning: "warning",
  failed: "failed ",
};

/** Runs one command; the exit code: 0 where nothing is to be done, 1 where something is, 2 where something is wrong. */
export async function mongodb(
  words: readonly string[],
  config: CollectorConfig,
  { certificates }: { certificates: boolean },
): Promise<number> {
  const [command = "", ...rest] = words;
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  if (command === "plan" && rest.length === 0) return show(await survey(config), say);
  if (command === "apply" && rest.length === 0) {
    const done = await applyDatabase(databaseOptions(config));
    for (const each of done) say(each);
    if (done.length === 0) say("nothing to do");
    return show(
      (await survey(config)).filter(({ level }) => level !== "ok"),
      say,
    );
  }
  if (command === "rights") {
    const unknown = rest.find((word) => !LOGINS.includes(word as DatabaseLogin));
    if (unknown !== undefined)
      throw new Error(`mongodb rights: "${unknown}" is no login; allowed are ${LOGINS.join(", ")}`);
    const logins = rest.length === 0 ? LOGINS : (rest as DatabaseLogin[]);
    process.stdout.write(databaseRightsText(logins, config.mongodb, certificates));
    return 0;
  }
  throw new Error(`mongodb: "${words.join(" ")}" is no command; allowed are plan, apply, rights [LOGIN...]`);
}

async function survey(config: CollectorConfig): Promise<DatabaseFinding[]> {
  const roles = rolesOf(config);
  const options = databaseOptions(config);
  try {
    return await surveyDatabase(options, config.mongodb.manage ? [...roles, "apply"] : roles);
  } catch (error) {
    return [{ level: "failed", text: error instanceof Error ? error.message : String(error) }];
  }
}

function show(findings: readonly DatabaseFinding[], say: (text: string) => void): number {
  for (const { level, text } of findings) say(`${SIGNS[level]} ${text}`);
  const has = (level: DatabaseFinding["level"]): boolean => findings.some((each) => each.level === level);
  return has("failed") ? 2 : has("change") || has("warning") ? 1 : 0;
}

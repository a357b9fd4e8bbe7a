/** `hosttrail-collector nats …`: what NATS must have for us, what it has, and how it comes to that. */
import type { CollectorConfig } from "../config/index.ts";
import { applyNats, type Finding, type Login, rightsText, surveyNats } from "../jetstream/index.ts";
import { natsOptions } from "../roles/index.ts";

const LOGINS: readonly Login[] = [
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
const SIGNS: Readonly<Record<Finding["level"], string>> = {
  ok: "ok     ",
  change: "change ",
  warning: "warning",
  failed: "failed ",
};

/** Runs one command; the exit code: 0 where nothing is to be done, 1 where something is, 2 where something is wrong. */
export async function nats(
  words: readonly string[],
  config: CollectorConfig,
  { certificates }: { certificates: boolean },
): Promise<number> {
  const [command = "", ...rest] = words;
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  if (command === "plan" && rest.length === 0) return show(await survey(config), say);
  if (command === "apply" && rest.length === 0) {
    const done = await applyNats(optionsOf(config));
    for (const each of done) say(each);
    if (done.length === 0) say("nothing to do");
    const left = (await survey(config)).filter(({ level }) => level === "failed" || level === "warning");
    return show(left, say);
  }
  if (command === "rights") {
    const unknown = rest.find((word) => !LOGINS.includes(word as Login));
    if (unknown !== undefined)
      throw new Error(`nats rights: "${unknown}" is no login; allowed are ${LOGINS.join(", ")}`);
    process.stdout.write(rightsText(rest.length === 0 ? LOGINS : (rest as Login[]), certificates));
    return 0;
  }
  throw new Error(`nats: "${words.join(" ")}" is no command; allowed are plan, apply, rights [LOGIN...]`);
}

async function survey(config: CollectorConfig): Promise<Finding[]> {
  return await surveyNats(optionsOf(config));
}

function optionsOf(config: CollectorConfig): Parameters<typeof surveyNats>[0] {
  return { ...natsOptions(config), placementTags: config.nats.placementTags };
}

function show(findings: readonly Finding[], say: (text: string) => void): number {
  for (const { level, text } of findings) say(`${SIGNS[level]} ${text}`);
  const has = (level: Finding["level"]): boolean => findings.some((each) => each.level === level);
  return has("failed") ? 2 : has("change") || has("warning") ? 1 : 0;
}

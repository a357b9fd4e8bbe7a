/** `hosttrail-collector ca …`: the authority of a small fleet; and the commands that have a file of their own. */
import { join } from "node:path";
import { initAuthority, issueServer, issueUser, rotateAuthority } from "../authority/index.ts";

export { doctor } from "./doctor.ts";
export { logKey } from "./log.ts";
export { mongodb } from "./mongodb.ts";
export { nats } from "./nats.ts";

interface Options {
  directory?: string | undefined;
  "passphrase-file": string;
  days: string;
  output?: string | undefined;
}

const DAYS_MAX = 825;

/** Runs one command; throws where it is not one. */
export async function authority(words: readonly string[], options: Options): Promise<void> {
  const { directory } = options;
  if (directory === undefined) throw new Error("ca: --directory is missing");
  const folder = { directory, passphraseFile: options["passphrase-file"] };
  const [command = "", ...names] = words;
  const [name = ""] = names;
  const output = options.output ?? join(directory, name);
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  if (command === "init") {
    await initAuthority(folder, commonName());
    say(`${directory}: ca.crt, ca.key (secret) and trust.crt`);
  } else if (command === "server" && name !== "") {
    await issueServer(folder, names, days(options.days), output);
    say(`${output}.crt and ${output}.key (secret)`);
  } else if (command === "user" && names.length === 1) {
    await issueUser(folder, name, days(options.days), output);
    say(`${output}.crt and ${output}.key (secret)`);
  } else if (command === "rotate" && (name === "begin" || name === "switch" || name === "finish")) {
    await rotateAuthority(folder, name, commonName());
    say(`${directory}: ${name} is done`);
  } else {
    throw new Error(
      `ca: "${words.join(" ")}" is no command; allowed are init, server NAME..., user NAME, rotate begin|switch|finish`,
    );
  }
}

function days(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= DAYS_MAX) return value;
  throw new Error(`--days is "${text}"; allowed are 1 to ${DAYS_MAX}`);
}

/** Two authorities of a rotation must not have the same name. */
function commonName(): string {
  return `Hosttrail ${new Date().toISOString().slice(0, 19)}Z`;
}

/** Files that the configuration names: there, readable, and nobody else's where they are secrets. */
import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Finding, failed, ok, textOf, warning } from "./finding.ts";

/** A file by its key in the configuration. */
export interface NamedFile {
  key: string;
  path: string;
  isSecret: boolean;
}

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/** A line for each that is not right, and one for those that are. */
export function checkFiles(files: readonly NamedFile[]): Finding[] {
  const findings = files.flatMap((file) => problemOf(file) ?? []);
  const fine = files.length - findings.length;
  return fine > 0
    ? [ok(`${fine} files that it names are there, and secrets are the owner's alone`), ...findings]
    : findings;
}

function problemOf({ key, path, isSecret }: NamedFile): Finding | undefined {
  try {
    accessSync(path, constants.R_OK);
    const { mode, uid } = statSync(path);
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    if (isSecret && (mode & OTHERS) !== 0)
      return failed(
        `${key}: ${path} is a secret and has mode ${octal}; allowed are 0600 and 0400 (chmod 0600 ${path})`,
      );
    if ((mode & OTHERS_WRITE) !== 0)
      return failed(`${key}: ${path} has mode ${octal}, so others can replace what we trust (chmod go-w ${path})`);
    if (isSecret && uid !== process.geteuid?.() && uid !== 0)
      return warning(`${key}: ${path} belongs to user ${uid}, who is neither this one nor root`);
    const folder = statSync(dirname(path));
    if ((folder.mode & OTHERS_WRITE) !== 0 && (folder.mode & STICKY) === 0)
      return warning(`${key}: others can write to ${dirname(path)}, so they can put another file in its place`);
    return undefined;
  } catch (error) {
    return failed(`${key}: ${path} cannot be read by this user (${textOf(error)})`);
  }
}

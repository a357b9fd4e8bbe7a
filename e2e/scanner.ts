/** Looks for secrets where they must not stand. Every stack of these tests is looked through when it ends. */
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Stack } from "@hosttrail/stack";

/** Where a secret could stand, and what stands there. */
export type Place = readonly [name: string, content: Buffer];

/** Files whose purpose is a secret; each must be its owner's alone. */
export const SECRET_FILES: readonly RegExp[] = [/\.key$/, /^api-token$/, /^enrollment-token$/];

export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** A secret in the forms in which it could stand somewhere. */
function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret, "latin1");
  return [bytes, Buffer.from(bytes.toString("base64").replace(/=+$/, "")), Buffer.from(bytes.toString("hex"))];
}

/** Key material, without the armour that every key has. */
function keyOf(file: string): string {
  const der = createPrivateKey(readFileSync(file)).export({ format: "der", type: "pkcs8" });
  return der.subarray(-32).toString("latin1");
}

/** What a stack's own files hold that must stand nowhere else, by file. */
export function secretsOf(stack: Stack): Map<string, string> {
  const folder = dirname(stack.agentConfigFile);
  const secrets = new Map<string, string>();
  for (const file of filesBelow(folder)) {
    const name = relative(folder, file);
    const text = readFileSync(file, "latin1");
    if (text.includes("PRIVATE KEY") && name.endsWith(".key")) secrets.set(name, keyOf(file));
    else if (/^(?:api|enrollment)-token$/.test(name)) secrets.set(name, text.trim().split("_").slice(2).join("_"));
  }
  return secrets;
}

/** All files of a stack but those that are for secrets: logs, streams, databases, spools, configurations. */
export function placesOfStack(stack: Stack): Place[] {
  const folder = dirname(stack.agentConfigFile);
  return filesBelow(folder)
    .map((file) => [relative(folder, file), file] as const)
    .filter(([name]) => !SECRET_FILES.some((each) => each.test(name)))
    .flatMap(([name, file]) => placeOf(name, file));
}

/** Arguments and environments. */
export function placesOfProcesses(pids: readonly number[]): Place[] {
  return pids.flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]).flatMap((path) => placeOf(path, path));
}

/** Nothing where the file is gone: servers write files beside those that they replace, and processes end. */
function placeOf(name: string, file: string): Place[] {
  try {
    return [[name, readFileSync(file)]];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return [];
    throw error;
  }
}

export function pidsOf(stack: Stack): number[] {
  const pids = [stack.collector.pid, stack.nats.child?.pid, stack.mongodb.child?.pid, stack.agent.pid];
  return pids.filter((pid) => pid !== undefined);
}

/** "secret in place" for each that was found. */
export function findSecrets(secrets: ReadonlyMap<string, string>, places: readonly Place[]): string[] {
  return Array.from(secrets)
    .flatMap(([name, secret]) => {
      const forms = formsOf(secret);
      return places
        .filter(([, content]) => forms.some((form) => content.includes(form)))
        .map(([place]) => `${name} in ${place}`);
    })
    .sort();
}

/** What kinds of test hosts have in common: how they look, and what a kind must be able to do. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The bridge that all hosts and the machine that deploys are on. */
export const BRIDGE = "ht0";

export interface TestHost {
  name: string;
  address: string;
}

export interface Place {
  /** Where hosts of a test lie. */
  directory: string;
  /** Folders that they see at the same path. */
  shared: readonly string[];
}

export interface Kind {
  /** Makes a host's file system, which `dressed` makes its own, and its place on the bridge. */
  prepare(host: TestHost, place: Place, dressed: (root: string) => void): void;
  /** Starts it; what it says goes to `log`, a file descriptor. */
  start(host: TestHost, place: Place, log: number): ChildProcess;
  /** What the process ends with where the host wants to be started again; undefined where it goes on. */
  rebootStatus: number | undefined;
  /** Takes away what `prepare` has made outside of the folder. Safe twice. */
  release(host: TestHost, place: Place): void;
}

interface Looks {
  /** /etc/hosts. */
  names: string;
  publicKey: string;
}

/** Makes a copy of the base system a host of its own. */
export function dress(root: string, { name }: TestHost, { names, publicKey }: Looks): void {
  mkdirSync(join(root, "root/.ssh"), { recursive: true, mode: 0o700 });
  writeFileSync(join(root, "root/.ssh/authorized_keys"), publicKey, { mode: 0o600 });
  writeFileSync(join(root, "etc/hostname"), `${name}\n`);
  writeFileSync(join(root, "etc/hosts"), names);
}

/** Lays a folder of a host's own over the base system; returns where both are seen as one. */
export function layOver(base: string, directory: string, name: string): string {
  const [upper = "", work = "", root = ""] = ["upper", "work", "root"].map((part) => join(directory, name, part));
  for (const part of [upper, work, root]) mkdirSync(part, { recursive: true });
  run("mount", ["-t", "overlay", "overlay", "-o", `lowerdir=${base},upperdir=${upper},workdir=${work}`, root]);
  return root;
}

export function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
}

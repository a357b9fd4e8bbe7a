/**
 * AWS as moto plays it: a server in Python that many test their tools against (Apache-2.0, https://github.com/getmoto/moto). It is installed beside
 * the project by its pinned requirements (`requirements.txt`), once, where there is a Python and a package index.
 */
import { execFileSync, type ExecFileSyncOptions, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { freePort } from "@hosttrail/stack";
import { eventually } from "../environment.ts";

const REQUIREMENTS = new URL("requirements.txt", import.meta.url).pathname;
const TOOLS = new URL("../../.hosttrail/tools", import.meta.url).pathname;
const INSTALL_MS = 300_000;
const START_MS = 60_000;

export interface Moto {
  port: number;
  stop(): Promise<void>;
}

/** The Python that has it; a text that says why there is none. */
export function motoPython(): { python: string } | string {
  const hash = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 16);
  const folder = join(TOOLS, `moto-${hash}`);
  const python = join(folder, "bin/python");
  if (existsSync(join(folder, "complete"))) return { python };
  const making = `${folder}.${process.pid}`;
  const quiet: ExecFileSyncOptions = { stdio: ["ignore", "ignore", "pipe"], timeout: INSTALL_MS };
  try {
    execFileSync("python3", ["-m", "venv", making], quiet);
    const words = ["install", "--quiet", "--no-deps", "--require-hashes", "--requirement", REQUIREMENTS];
    execFileSync(join(making, "bin/pip"), words, quiet);
    writeFileSync(join(making, "complete"), "");
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    return `moto cannot be installed: ${String(error).slice(0, 300)}`;
  }
  // Its scripts know the folder that it was made in; only `python -m` is used.
  if (existsSync(folder)) rmSync(making, { recursive: true, force: true });
  else renameSync(making, folder);
  return { python };
}

export async function startMoto(python: string): Promise<Moto> {
  const port = await freePort();
  const child = spawn(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], {
    stdio: ["ignore", "ignore", "ignore"],
    // Passwords of nobody: it asks for some.
    env: { ...process.env, AWS_ACCESS_KEY_ID: "moto", AWS_SECRET_ACCESS_KEY: "moto" },
  });
  const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  await eventually("moto's start", START_MS, async () => (await answers(port)) || undefined);
  return {
    port,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/moto-api/data.json" }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).once("error", () => resolve(false));
  });
}

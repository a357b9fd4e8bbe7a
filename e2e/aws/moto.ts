/**
 * AWS as moto plays it: a server in Python that many test their tools against (Apache-2.0, https://github.com/getmoto/moto). It is installed beside
 * the project by its pinned requirements (`requirements.txt`), once, where there is a Python and a package index.
 */
import { spawn } from "node:child_process";
import { get } from "node:http";
import { freePort } from "@hosttrail/stack";
import { eventually } from "../environment.ts";
import { pythonWith } from "../python.ts";

const REQUIREMENTS = new URL("requirements.txt", import.meta.url).pathname;
const START_MS = 60_000;

export interface Moto {
  port: number;
  stop(): Promise<void>;
}

/** The Python that has it; a text that says why there is none. */
export function motoPython(): { python: string } | string {
  return pythonWith("moto", REQUIREMENTS);
}

/** At this port, where it was there before; else at a free one. */
export async function startMoto(python: string, at?: number): Promise<Moto> {
  const port = at ?? (await freePort());
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

/** Runs commands as a person does at a terminal, with `hosttrail` on the path and a clock that stands still from run to run. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NOW } from "./fleet.ts";

const CLI = new URL("../../cli/src/main.ts", import.meta.url).pathname;
const CLOCK = new URL("clock.ts", import.meta.url).pathname;
const COLUMNS = 132;
const CONTROL_C = "\u0003";

export class Terminal {
  readonly #folder: string;
  /** Of a person's shell, without what a test has of its own. */
  readonly environment: NodeJS.ProcessEnv;

  /** `folder` is where commands run and write files. */
  constructor(folder: string, profileFile: string) {
    this.#folder = folder;
    const programs = join(folder, "bin");
    mkdirSync(programs);
    const hosttrail = join(programs, "hosttrail");
    writeFileSync(hosttrail, `#!/bin/sh\nexec '${process.execPath}' --import '${CLOCK}' '${CLI}' "$@"\n`);
    chmodSync(hosttrail, 0o755);
    const cache = process.env["NODE_COMPILE_CACHE"];
    this.environment = {
      // Of all that a person's shell would have only what does not change what is printed.
      ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }),
      PATH: `${programs}:${process.env["PATH"] ?? ""}`,
      HOME: folder,
      HOSTTRAIL_PROFILE: profileFile,
      COOKBOOK_NOW: NOW,
      TZ: "UTC",
      LC_ALL: "C.UTF-8",
      TERM: "xterm",
      NO_COLOR: "1",
      PAGER: "cat",
    };
  }

  /**
   * What the terminal is given while bash runs a command: both of its outputs, as they come. A command that goes on until it is ended is
   * given `untilLines`: when it has printed so many, Ctrl-C is typed.
   */
  run(command: string, untilLines: number = Number.POSITIVE_INFINITY): Promise<string> {
    const script = join(this.#folder, "command.sh");
    writeFileSync(script, `${command}\n`);
    const child = spawn("script", ["-qec", `stty cols ${COLUMNS}; bash command.sh`, "/dev/null"], {
      cwd: this.#folder,
      env: this.environment,
    });
    let output = "";
    let isEnded = false;
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("latin1");
      if (isEnded || output.split("\n").length - 1 < untilLines) return;
      isEnded = true;
      child.stdin.write(CONTROL_C);
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => resolve(Buffer.from(output, "latin1").toString()));
    });
  }
}

/** `hosttrail plan`: what a rollout would change on a host. The host is asked over SSH, and nothing is changed there. */
import { spawn } from "node:child_process";
import { factsScript, planOf, readFacts } from "@hosttrail/integrations/plan";
import { hostFiles } from "@hosttrail/integrations/render";
import { loadFleet } from "@hosttrail/integrations/spec";
import { printable } from "../text.ts";
import { hostFleet, type HostWords } from "./fleet.ts";
import type { Output } from "../output/index.ts";

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** As root where the login is root, else by sudo, which must not ask. */
const AS_ROOT = 'if [ "$(id -u)" = 0 ]; then exec sh -s; else exec sudo -n sh -s; fi';

/** Prints the plan. `ssh` is the command that reaches hosts, with its options. */
export async function plan(spec: string, host: string, words: HostWords, ssh: string, output: Output): Promise<void> {
  if (host === "" || host.startsWith("-")) throw new Error("plan: --host HOST is missing");
  // What ssh calls it may have a user before it.
  const name = words.name === "" ? host.slice(host.lastIndexOf("@") + 1) : words.name;
  const { fleet, groups } = hostFleet(loadFleet(spec), { ...words, name });
  const answer = await ask(ssh.split(/\s+/), host, factsScript(hostFiles(fleet)));
  const lines = planOf(fleet, readFacts(answer));
  if (output.json) {
    for (const line of lines) output.print(`${JSON.stringify({ host, ...line })}\n`);
    return;
  }
  const by = groups.length === 0 ? "" : `, groups ${groups.join(", ")}`;
  output.print(`${host}, for fleet "${fleet.name}"${by}:\n`);
  for (const { sign, text, details } of lines) {
    output.print(`${sign} ${printable(text)}\n`);
    for (const detail of details) output.print(`    ${printable(detail)}\n`);
  }
  const changes = lines.filter(({ sign }) => "+-~".includes(sign)).length;
  output.print(changes === 0 ? "Nothing would change.\n" : `${changes} things would change.\n`);
}

function ask([command = "ssh", ...options]: string[], host: string, script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...options, host, AS_ROOT], { stdio: ["pipe", "pipe", "pipe"] });
    let [text, errors] = ["", ""];
    child.once("error", (error) => reject(new Error(`${command} cannot be run (${error.message})`)));
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_BYTES_MAX) child.kill();
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      errors = `${errors}${chunk}`.slice(-2000);
    });
    // A host that hangs up early is told of by its status.
    child.stdin.on("error", () => undefined);
    child.stdin.end(script);
    child.once("close", (status) => {
      if (status === 0) resolve(text);
      else reject(new Error(`${host} did not answer (${command} ended with ${status}): ${printable(errors.trim())}`));
    });
  });
}

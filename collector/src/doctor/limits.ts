/** What the kernel lets this process have. */
import { readFileSync } from "node:fs";
import { type Finding, ok, warning } from "./finding.ts";

/** Files beside connections: the program, NATS, the database, threads. */
const FILES_BESIDE = 512;
const LIMITS_FILE = "/proc/self/limits";

/** Soft limits by name, as the kernel writes them; Infinity for unlimited. */
function limitsOf(text: string): Map<string, number> {
  const limits = new Map<string, number>();
  for (const [, name = "", soft = ""] of text.matchAll(/^(Max [a-z ]+?) {2,}(\S+) +\S+/gm))
    limits.set(name, soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft));
  return limits;
}

export function checkLimits(connectionsMax: number, text: string = readFileSync(LIMITS_FILE, "utf8")): Finding[] {
  const limits = limitsOf(text);
  const files = limits.get("Max open files") ?? 0;
  const core = limits.get("Max core file size") ?? 0;
  const needed = connectionsMax + FILES_BESIDE;
  return [
    files >= needed
      ? ok(`${files} files may be open`)
      : warning(
          `only ${files} files may be open, and connections.max lets ${connectionsMax} connections in: ${needed} are needed (LimitNOFILE of the unit; a shell's limit is not the unit's)`,
        ),
    core === 0
      ? ok("no core is written when it dies")
      : warning("a core would have keys in it: LimitCORE=0 in its unit (ulimit -c 0 in a shell)"),
  ];
}

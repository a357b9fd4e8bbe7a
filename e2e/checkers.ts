/** Programs by which tests look at what we give to others' tools: built once from the pinned Go modules of tools/go. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Checker = "promtool" | "helm" | "dashboard" | "infinity" | "manifests" | "compose";

const SOURCE = new URL("../tools/go", import.meta.url).pathname;
const TARGET = new URL("../.hosttrail/tools/checkers", import.meta.url).pathname;
const BUILD_MS_MAX = 900_000;

/** Why they cannot be had here; undefined where they can. */
export function whyNoCheckers(): string | undefined {
  try {
    execFileSync("go", ["version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "Go is not installed, from which the checkers are built";
  }
}

/** The program's path. Builds all of them where one is missing or old, which takes minutes. */
export function checker(name: Checker): string {
  const stamp = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(?:go|mod|sum)$/.test(file))
    .toSorted()
    .map((file) => readFileSync(join(SOURCE, file), "utf8"))
    .join("\n");
  const stampFile = join(TARGET, "stamp");
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) {
    process.stderr.write("▸ building promtool, helm and others from their pinned Go modules (minutes, once)\n");
    mkdirSync(TARGET, { recursive: true });
    // Without Prometheus's ways to find targets, SDKs of clouds among them, which take as long as all else.
    const flags = ["-trimpath", "-mod=readonly", "-ldflags=-s -w", "-tags=remove_all_sd"];
    execFileSync("go", ["build", ...flags, "-o", `${TARGET}/`, "tool", "./..."], {
      cwd: SOURCE,
      stdio: ["ignore", "inherit", "inherit"],
      timeout: BUILD_MS_MAX,
      env: { ...process.env, GOFLAGS: "-buildvcs=false", CGO_ENABLED: "0" },
    });
    writeFileSync(stampFile, stamp);
  }
  return join(TARGET, name);
}

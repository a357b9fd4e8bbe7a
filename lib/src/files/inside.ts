/** Paths of another root: those of a host, as its container sees them. */
import { readlinkSync } from "node:fs";

/** As many as the kernel follows. Source: path_resolution(7). */
const LINKS_MAX = 40;

/**
 * Where a file of the system below `root` is seen from here. Links on the way lead to where they lead there, not here; whether the last one
 * is followed too, `follow` says. Empty for `root` is this system itself: the path as it is. Nothing need be there, and it never throws.
 */
export function insideRoot(root: string, path: string, follow = true): string {
  if (root === "") return path;
  const left = partsOf(path);
  const found: string[] = [];
  for (let links = 0; left.length > 0; ) {
    const part = left.shift() ?? "";
    if (part === "..") {
      found.pop();
      continue;
    }
    const target =
      (follow || left.length > 0) && links < LINKS_MAX ? linkAt(`${root}/${[...found, part].join("/")}`) : "";
    if (target === "") {
      found.push(part);
      continue;
    }
    links++;
    if (target.startsWith("/")) found.length = 0;
    left.unshift(...partsOf(target));
  }
  return `${root}/${found.join("/")}`;
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** Where a link leads; empty for what is none. */
function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** The newest checkpoints that this user saw, one for each log: a log that goes back, or another one of the same name, is found by them. */
import { existsSync, readFileSync } from "node:fs";
import { writeFileDurably } from "@hosttrail/lib/files";

/** A checkpoint as it was seen. */
export interface Seen {
  size: number;
  /** Base64. */
  root: string;
}

/** Throws where the file is there and cannot be read: then nobody knows what was seen. */
export function readSeen(file: string): Record<string, Seen> {
  if (!existsSync(file)) return {};
  try {
    const kept: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof kept !== "object" || kept === null) throw new TypeError("no object");
    for (const each of Object.values(kept) as Partial<Seen>[]) {
      const isRight = Number.isSafeInteger(each.size) && (each.size ?? -1) >= 0 && typeof each.root === "string";
      if (!isRight) throw new TypeError("a checkpoint without size or root");
    }
    return kept as Record<string, Seen>;
  } catch (cause) {
    throw new Error(`${file}: the checkpoints that were seen cannot be read; look at it, and remove it to begin anew`, {
      cause,
    });
  }
}

/** Times that the file is written where others write it, too. */
const ATTEMPTS_MAX = 5;

/** Durably, mode 0600. The larger one stays, where another run was faster. */
export function keepSeen(file: string, origin: string, seen: Seen): void {
  for (let attempt = 1; ; attempt++) {
    const all = readSeen(file);
    if ((all[origin]?.size ?? -1) >= seen.size) return;
    try {
      writeFileDurably(file, `${JSON.stringify({ ...all, [origin]: seen }, undefined, 2)}\n`);
      return;
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}

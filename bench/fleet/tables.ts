/** What the embedded database's file is made of, read from a copy of it. */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const KINDS = ["arrivals", "segments", "sieves", "catalog", "leftovers"] as const;

/** Bytes by kind of collection; undefined where the database is another one. */
export function tableBytes(directory: string, database: string): Record<string, number> | undefined {
  const file = join(directory, `${database}.sqlite`);
  if (!existsSync(file)) return undefined;
  const copy = mkdtempSync(join(tmpdir(), "hosttrail-tables-"));
  try {
    for (const suffix of ["", "-wal", "-shm"]) {
      if (existsSync(file + suffix)) cpSync(file + suffix, join(copy, `copy.sqlite${suffix}`));
    }
    const sqlite = new DatabaseSync(join(copy, "copy.sqlite"));
    const rows = sqlite
      .prepare(
        "SELECT m.type AS type, m.tbl_name AS name, SUM(s.pgsize) AS bytes FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY m.type, m.tbl_name",
      )
      .all() as { type: string; name: string; bytes: number }[];
    const free = sqlite.prepare("PRAGMA freelist_count").get() as { freelist_count: number };
    const page = sqlite.prepare("PRAGMA page_size").get() as { page_size: number };
    sqlite.close();
    const bytes: Record<string, number> = {};
    for (const { type, name, bytes: own } of rows) {
      const kind = type === "index" ? "indexes" : (KINDS.find((each) => name.startsWith(each)) ?? "others");
      bytes[kind] = (bytes[kind] ?? 0) + own;
    }
    bytes["free pages"] = free.freelist_count * page.page_size;
    return bytes;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

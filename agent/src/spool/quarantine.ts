/**
 * The quarantine: what cannot go to the trail as things are, kept for a person to look at and, where it is a block, to send again.
 *
 * The folder is the only truth of it: a file's name says which block it is and why it is here, its time since when. So it is shown without
 * a running agent, and nobody has to tell the agent that a file was taken away.
 */
import { lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BlockError, type Header, parseBlock } from "@hosttrail/lib/block";
import { makePrivateDirectory, syncDirectory, writeFileDurably } from "@hosttrail/lib/files";
import { blockKey } from "./segment.ts";

/** Files of the folder, at most; past it the oldest goes, and is counted. */
export const QUARANTINE_FILES_MAX = 1024;
/** Reason of bytes of a segment that are no block. Nothing of them can be sent. */
export const DAMAGED = "DAMAGED";
/** Stands for a reason that is no code: it comes from outside and becomes part of a file's name. */
const UNNAMED = "OTHER";
const REASON = /^[A-Z][A-Z0-9_]{0,63}$/;
/** `<epoch>-<first seq>.<REASON>.block`, both numbers as 16 hex digits. */
const BLOCK_NAME = /^([0-9a-f]{16}-[0-9a-f]{16})\.([A-Z][A-Z0-9_]{0,63})\.block$/;
/** `<segment>.<offset>.DAMAGED.bytes` */
const DAMAGED_NAME = /^(.+\.segment\.\d+)\.DAMAGED\.bytes$/;

/** A file of the quarantine. */
export interface Quarantined {
  /** Of a block its epoch and first number; of damaged bytes their segment and where in it they were. */
  key: string;
  /** Why it is here: the code of the collector's word *rejected*, or DAMAGED. */
  reason: string;
  bytes: number;
  /** When it was put here, milliseconds since 1970. */
  sinceMs: number;
  path: string;
}

/** How much there is, for status and reports. */
export interface QuarantineSummary {
  blocks: number;
  /** Stretches of segments that are no blocks. */
  damaged: number;
  bytes: number;
  /** When the oldest was put here, milliseconds since 1970; undefined where there is nothing. */
  sinceMs: number | undefined;
  /** How many there are of each reason, by its code. */
  reasons: Record<string, number>;
}

/** Why a block cannot be put back from the quarantine. */
export class ReturnError extends Error {
  override readonly name = "ReturnError";
}

/** Called for what went for want of room; `events` is undefined where nobody can tell. */
export type Discarded = (file: Quarantined, events: number | undefined) => void;

/** The quarantine of the spool in this folder. */
export function quarantineOf(spoolDirectory: string): string {
  return join(spoolDirectory, "quarantine");
}

/** What is in the folder, the oldest first; nothing where there is none. Files that are not ours are left out. */
export function listQuarantine(directory: string): Quarantined[] {
  const found: Quarantined[] = [];
  for (const name of namesIn(directory)) {
    const [, key = DAMAGED_NAME.exec(name)?.[1], reason = DAMAGED] = BLOCK_NAME.exec(name) ?? [];
    if (key === undefined) continue;
    const path = join(directory, name);
    const about = lstatSync(path, { throwIfNoEntry: false });
    if (about?.isFile()) found.push({ key, reason, bytes: about.size, sinceMs: about.mtimeMs, path });
  }
  return found.toSorted((a, b) => a.sinceMs - b.sinceMs || (a.path < b.path ? -1 : 1));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export function summarize(files: readonly Quarantined[]): QuarantineSummary {
  const reasons: Record<string, number> = {};
  for (const { reason } of files) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const damaged = reasons[DAMAGED] ?? 0;
  return {
    blocks: files.length - damaged,
    damaged,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    sinceMs: files[0]?.sinceMs,
    reasons,
  };
}

/** Events in a file of the quarantine; undefined where it is no block, or no longer. */
export function eventsIn({ path, reason }: Quarantined): number | undefined {
  if (reason === DAMAGED) return undefined;
  try {
    return parseBlock(readFileSync(path)).header.count;
  } catch (error) {
    if (error instanceof BlockError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export class Quarantine {
  readonly #directory: string;
  readonly #bytesMax: number;
  readonly #discarded: Discarded;

  constructor(directory: string, bytesMax: number, discarded: Discarded) {
    this.#directory = directory;
    this.#bytesMax = bytesMax;
    this.#discarded = discarded;
    makePrivateDirectory(directory);
    // Of a life that ended while it wrote: the block itself is in the spool still.
    for (const name of readdirSync(directory)) if (name.endsWith(".new")) rmSync(join(directory, name));
  }

  files(): Quarantined[] {
    return listQuarantine(this.#directory);
  }

  /** Keeps a block's bytes; they are on the disk when this returns. Gives the file's path. Throws what the disk says. */
  keepBlock(key: string, reason: string, bytes: Uint8Array): string {
    const path = join(this.#directory, `${key}.${REASON.test(reason) && reason !== DAMAGED ? reason : UNNAMED}.block`);
    // A block that was sent again may be refused for another reason: only the last one is true.
    this.#keep(path, bytes, (file) => file.key === key && file.path !== path);
    return path;
  }

  /** Keeps bytes that are no block. Told again at each start while their segment is there, they keep their first time. */
  keepDamaged(segmentName: string, offset: number, bytes: Uint8Array): void {
    const key = `${segmentName}.${offset}`;
    const path = join(this.#directory, `${key}.${DAMAGED}.bytes`);
    if (lstatSync(path, { throwIfNoEntry: false })?.size === bytes.length) return;
    if (bytes.length <= this.#bytesMax) this.#keep(path, bytes, () => false);
    else this.#discarded({ key, reason: DAMAGED, bytes: bytes.length, sinceMs: Date.now(), path }, undefined);
  }

  #keep(path: string, bytes: Uint8Array, isReplaced: (file: Quarantined) => boolean): void {
    writeFileDurably(path, bytes);
    const files = this.files();
    for (const file of files.filter(isReplaced)) rmSync(file.path, { force: true });
    this.#makeRoom(files.filter((file) => !isReplaced(file)));
  }

  /** The oldest goes first. */
  #makeRoom(files: readonly Quarantined[]): void {
    let { bytes } = summarize(files);
    let count = files.length;
    for (const file of files) {
      if (bytes <= this.#bytesMax && count <= QUARANTINE_FILES_MAX) return;
      const events = eventsIn(file);
      rmSync(file.path, { force: true });
      bytes -= file.bytes;
      count--;
      this.#discarded(file, events);
    }
  }

  /** A block, as it was put here. Throws a ReturnError where it is not here, or where its file has something else. */
  read(key: string): { bytes: Buffer; header: Header } {
    const [file] = this.#filesOf(key);
    if (file === undefined) throw new ReturnError("it is not in the quarantine");
    const bytes = readFileSync(file.path);
    try {
      const { header } = parseBlock(bytes);
      const found = blockKey(header.epoch, header.firstSeq);
      if (found === key) return { bytes, header };
      throw new ReturnError(`its file has the block ${found}`);
    } catch (cause) {
      if (cause instanceof BlockError) throw new ReturnError(`its file is damaged (${cause.message})`, { cause });
      throw cause;
    }
  }

  /** The block is in the spool again. */
  remove(key: string): void {
    for (const { path } of this.#filesOf(key)) rmSync(path, { force: true });
    syncDirectory(this.#directory);
  }

  #filesOf(key: string): Quarantined[] {
    return this.files().filter((file) => file.key === key && file.reason !== DAMAGED);
  }
}

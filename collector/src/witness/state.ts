/** What a witness has cosigned last of each log: one file of each, the checkpoint itself. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { sha256 } from "@hosttrail/lib/crypto";
import { makePrivateDirectory, writeFileDurably } from "@hosttrail/lib/files";
import { type Checkpoint, formatNote, type Note, parseCheckpoint, parseNote, type TreeHead } from "@hosttrail/lib/tlog";
import type { CosignedTrees } from "./judge.ts";

const NAME = /^[0-9a-f]{64}\.checkpoint(?:\.new)?$/;

export class WitnessState implements CosignedTrees {
  readonly #directory: string;
  readonly #lock: Server;

  private constructor(directory: string, lock: Server) {
    this.#directory = directory;
    this.#lock = lock;
  }

  /** Takes a folder, which is made where it is not there. Throws where another process has it, or it has files of something else. */
  static async open(directory: string): Promise<WitnessState> {
    makePrivateDirectory(directory);
    const strange = readdirSync(directory).find((name) => !NAME.test(name));
    if (strange !== undefined) throw new Error(`${directory}/${strange} is no file of a witness`);
    const { dev, ino } = statSync(directory);
    const lock = createServer();
    // A name that the kernel takes back when the process ends, however it ends.
    const path = `\0hosttrail-witness-${String(dev)}-${String(ino)}`;
    await new Promise<void>((resolve, reject) => {
      lock.once("error", (cause) => reject(new Error(`${directory} is in use by another witness`, { cause })));
      lock.listen({ path }, resolve);
    });
    lock.unref();
    return new WitnessState(directory, lock);
  }

  /** Read from the disk each time. Throws where the file cannot be read: then it is not known what was cosigned. */
  get(origin: string): TreeHead | undefined {
    const file = this.#fileOf(origin);
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    const checkpoint = parseCheckpoint(parseNote(bytes).text);
    if (checkpoint.origin !== origin) throw new Error(`${file} has a checkpoint of another log`);
    return checkpoint;
  }

  put({ origin }: Checkpoint, note: Note): void {
    writeFileDurably(this.#fileOf(origin), formatNote(note));
  }

  close(): void {
    this.#lock.close();
  }

  #fileOf(origin: string): string {
    const name = Buffer.from(sha256(Buffer.from(origin))).toString("hex");
    return join(this.#directory, `${name}.checkpoint`);
  }
}

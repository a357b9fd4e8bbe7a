/**
 * A folder of files. Each is written beside the others under another name, is on the disk for good, and then gets its own name at once: whoever
 * reads the folder sees whole files only.
 */
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ForwardError, reasonOf } from "../failure.ts";
import type { PartStore } from "./parts.ts";

/** Where files are until they are whole; names with a dot are passed over by most readers. */
const INCOMING = ".incoming";
/** Of whoever has the collector's group: events tell what people did. */
const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;

export class FileStore implements PartStore {
  readonly #directory: string;
  readonly #incoming: string;

  /** `name` is that of the target, of which there is one writer at a time. */
  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#incoming = join(directory, INCOMING, name);
  }

  /** Removes what a writer that was killed has left. */
  async tidy(): Promise<void> {
    await this.#tried(this.#incoming, async () => {
      const left = await readdir(this.#incoming).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return [];
        throw error;
      });
      for (const file of left) await rm(join(this.#incoming, file));
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#directory, key);
    const incoming = join(this.#incoming, basename(path));
    await this.#tried(path, async () => {
      await mkdir(this.#incoming, { recursive: true, mode: FOLDER_MODE });
      const firstMade = await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
      try {
        const file = await open(incoming, "w", FILE_MODE);
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(incoming, path);
      } catch (error) {
        // A full disk is not to keep what is of no use.
        await rm(incoming, { force: true }).catch(() => undefined);
        throw error;
      }
      // The names are to be there after a loss of power, too.
      const last = firstMade === undefined ? dirname(path) : dirname(firstMade);
      for (let folder = dirname(path); ; folder = dirname(folder)) {
        await syncFolder(folder);
        if (folder === last || folder === dirname(folder)) break;
      }
    });
  }

  async #tried(path: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      throw new ForwardError(`${path} cannot be written: ${reasonOf(error)}`, { cause: error });
    }
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

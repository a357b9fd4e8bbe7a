/** SHA-256 of executables: of what stands on the disk, bounded, and cached by what tells one content from another. */
import { type BigIntStats, statSync } from "node:fs";
import { hashFile } from "@hosttrail/lib/files";

const ENTRIES_MAX = 2048;
const NANO_PER_CHECK = 1_000_000_000n;

interface Entry {
  stamp: string;
  sha256: string;
}

export class FileHashes {
  readonly #entries = new Map<string, Entry>();
  readonly #bytesMax: number;

  /** Larger files are not read; 0 takes no hash at all. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * The hash of a file; empty where it was not taken. The file must be one of `inodes`, which the kernel named: what stands
   * under the name now, or here, may be another one.
   */
  sha256(path: string, inodes: readonly bigint[]): string {
    if (this.#bytesMax === 0 || path === "" || inodes.length === 0) return "";
    try {
      // Most often the file is known, or too large, and need not be opened.
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined || stat.size > BigInt(this.#bytesMax) || !inodes.includes(stat.ino)) return "";
      const known = this.#entries.get(path);
      return known?.stamp === stampOf(stat) ? known.sha256 : this.#read(path, inodes);
    } catch {
      return "";
    }
  }

  #read(path: string, inodes: readonly bigint[]): string {
    const isMeant = ({ ino }: BigIntStats): boolean => inodes.includes(ino);
    const read = hashFile(path, { link: true, bytesMax: this.#bytesMax, isMeant });
    if (read === undefined) return "";
    const { stat, sha256 } = read;
    // A file that changed within the clock's step may change again unseen: it is read again the next time.
    if (BigInt(Date.now()) * 1_000_000n - stat.mtimeNs > NANO_PER_CHECK)
      this.#keep(path, { stamp: stampOf(stat), sha256 });
    return sha256;
  }

  #keep(path: string, entry: Entry): void {
    if (this.#entries.size >= ENTRIES_MAX) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(path, entry);
  }
}

/** What tells one content of a file from another. */
function stampOf({ dev, ino, mtimeNs, ctimeNs, size }: BigIntStats): string {
  return `${dev} ${ino} ${mtimeNs} ${ctimeNs} ${size}`;
}

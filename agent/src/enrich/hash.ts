/** SHA-256 of executables: of what stands on the disk, bounded, and cached by what tells one content from another. */
import { type BigIntStats, statSync } from "node:fs";
import { hashFile } from "@hosttrail/lib/files";

const ENTRIES_MAX = 2048;
const NANO_PER_CHECK = 1_000_000_000n;

interface Entry {
  stamp: string;
  inode: bigint;
  sha256: string;
  /** When the file was looked at, on the clock that tells when events come. */
  lookedMs: number;
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
   * under the name now, or here, may be another one. It is of the file as it was at `cameMs` or later, when the event came.
   */
  sha256(path: string, inodes: readonly bigint[], cameMs: number): string {
    if (this.#bytesMax === 0 || path === "" || inodes.length === 0) return "";
    // Events come in batches: one look at a file serves all that came before it.
    const known = this.#entries.get(path);
    if (known !== undefined && known.lookedMs >= cameMs && inodes.includes(known.inode)) return known.sha256;
    try {
      return this.#look(path, inodes, known);
    } catch {
      return "";
    }
  }

  #look(path: string, inodes: readonly bigint[], known: Entry | undefined): string {
    const lookedMs = performance.now();
    // Most often the file is known, or too large, and need not be opened.
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || stat.size > BigInt(this.#bytesMax) || !inodes.includes(stat.ino)) return "";
    if (known?.stamp !== stampOf(stat)) return this.#read(path, inodes, lookedMs);
    known.lookedMs = lookedMs;
    return known.sha256;
  }

  #read(path: string, inodes: readonly bigint[], lookedMs: number): string {
    const isMeant = ({ ino }: BigIntStats): boolean => inodes.includes(ino);
    const read = hashFile(path, { link: true, bytesMax: this.#bytesMax, isMeant });
    if (read === undefined) return "";
    const { stat, sha256 } = read;
    // A file that changed within the clock's step may change again unseen: it is read again the next time.
    if (BigInt(Date.now()) * 1_000_000n - stat.mtimeNs > NANO_PER_CHECK)
      this.#keep(path, { stamp: stampOf(stat), inode: stat.ino, sha256, lookedMs });
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

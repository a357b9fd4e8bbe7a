/** SHA-256 of executables: of what stands on the disk, bounded, and cached by what tells one content from another. */
import { fstatSync } from "node:fs";
import { closeQuietly, hashOf, openToLook } from "@hosttrail/lib/files";

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
    let file: number;
    try {
      file = openToLook(path, { link: true });
    } catch {
      return "";
    }
    try {
      const stat = fstatSync(file, { bigint: true });
      if (!stat.isFile() || stat.size > BigInt(this.#bytesMax) || !inodes.includes(stat.ino)) return "";
      const stamp = `${stat.dev} ${stat.ino} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.size}`;
      const known = this.#entries.get(path);
      if (known?.stamp === stamp) return known.sha256;
      const sha256 = hashOf(file, this.#bytesMax) ?? "";
      // A file that changed within the clock's step may change again unseen: it is read again the next time.
      if (BigInt(Date.now()) * 1_000_000n - stat.mtimeNs > NANO_PER_CHECK) this.#keep(path, { stamp, sha256 });
      return sha256;
    } catch {
      return "";
    } finally {
      closeQuietly(file);
    }
  }

  #keep(path: string, entry: Entry): void {
    if (this.#entries.size >= ENTRIES_MAX) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(path, entry);
  }
}

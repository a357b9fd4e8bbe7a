/** The authorities that are trusted, while their file changes. */
import { readFileSync, unwatchFile, watchFile } from "node:fs";

const INTERVAL_MS = 2000;

export interface TrustBundle {
  /** Certificates as PEM, as the file has them now. */
  pem: () => string;
  close(): void;
}

/**
 * Reads the file, and again when it changes; `changed` is told when it has other certificates. Throws where it cannot be read at first; later
 * what was read before holds until it can be.
 */
export function watchTrust(file: string, changed: (pem: string) => void = () => undefined): TrustBundle {
  let pem = readFileSync(file, "utf8");
  const look = (): void => {
    let now: string;
    try {
      now = readFileSync(file, "utf8");
    } catch {
      // It is being replaced, or is gone: whoever listens with the same file (serve/listener.ts) tells it.
      return;
    }
    if (now === pem || !now.includes("-----END CERTIFICATE-----")) return;
    pem = now;
    changed(pem);
  };
  watchFile(file, { interval: INTERVAL_MS, persistent: false }, look);
  return { pem: () => pem, close: () => unwatchFile(file, look) };
}

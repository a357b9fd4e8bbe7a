/** The authorities that are trusted, while their file changes. */
import { readFileSync, unwatchFile, watchFile } from "node:fs";

const INTERVAL_MS = 2000;

export interface TrustBundle {
  /** Certificates as PEM, as the file has them now. */
  pem: () => string;
  close(): void;
}

/** Reads the file, and again when it changes; `changed` is told when it has other certificates. */
export function watchTrust(file: string, changed: (pem: string) => void = () => undefined): TrustBundle {
  let pem = readFileSync(file, "utf8");
  const look = (): void => {
    const now = readFileSync(file, "utf8");
    if (now === pem || !now.includes("-----END CERTIFICATE-----")) return;
    pem = now;
    changed(pem);
  };
  watchFile(file, { interval: INTERVAL_MS, persistent: false }, look);
  return { pem: () => pem, close: () => unwatchFile(file, look) };
}

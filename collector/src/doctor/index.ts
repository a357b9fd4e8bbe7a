/** `hosttrail-collector doctor`: why does it not start, or not work? Looks; writes nothing but one document of its own, which it removes. */
import { checkAuthority, checkServerCertificate } from "./certificates.ts";
import { checkClock, type ClockReading } from "./clock.ts";
import { checkDatabase, type DatabaseFacts } from "./database.ts";
import { checkFiles, type NamedFile } from "./files.ts";
import { type Finding, failed, textOf } from "./finding.ts";
import { checkLimits } from "./limits.ts";
import { checkPorts, type NamedListen } from "./ports.ts";

export type { NamedFile } from "./files.ts";
export { failed, type Finding, ok, textOf, warning } from "./finding.ts";
export type { NamedListen } from "./ports.ts";

export interface Patient {
  /** Files that the configuration names, and its own. */
  files: readonly NamedFile[];
  listens: readonly NamedListen[];
  tls: { caFile: string; certificateFile: string; keyFile: string };
  ca: { certificateFile: string; keyFile: string; passphraseFile: string };
  connectionsMax: number;
}

/** Others whom it asks. Each throws where nobody answers. */
export interface Others {
  /** The server, and streams and consumers beside their plan. */
  checkNats(): Promise<Finding[]>;
  /** Undefined where NATS does not tell its time yet. */
  readNatsClock(): Promise<ClockReading | undefined>;
  examineDatabase(): Promise<DatabaseFacts>;
  /** Whether a collector answers where this one serves its metrics. */
  isRunning(): Promise<boolean>;
}

/** Time in which each of the others must have answered. */
const TIMEOUT_MS = 15_000;

/** Everything, in the order in which it is to be repaired. Never throws. */
export async function examine(patient: Patient, others: Others): Promise<Finding[]> {
  const { files, listens, tls, ca, connectionsMax } = patient;
  const nowMs = Date.now();
  return [
    ...checkFiles(files),
    ...checkServerCertificate(tls, nowMs),
    ...checkAuthority(ca, tls.caFile, nowMs),
    ...checkLimits(connectionsMax),
    ...(await checkPorts(listens, await others.isRunning().catch(() => false))),
    ...(await orFailed("NATS cannot be reached", async () => {
      const findings = await others.checkNats();
      const clock = await others.readNatsClock();
      return clock === undefined ? findings : [...findings, checkClock("NATS", clock)];
    })),
    ...(await orFailed("the database cannot be reached", async () => checkDatabase(await others.examineDatabase()))),
  ];
}

async function orFailed(what: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
  try {
    return await Promise.race([look(), late]);
  } catch (error) {
    return [failed(`${what}: ${textOf(error)}`)];
  } finally {
    clearTimeout(timer);
  }
}

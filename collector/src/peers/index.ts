/**
 * Query processes read for each other: the one that was asked plans, orders, keeps the budget and answers alone, and has others look into
 * some of the units of a large scan (`lend.ts`), as they have room (`serve.ts`).
 */
import { randomBytes } from "node:crypto";
import type { Logger } from "@hosttrail/lib/log";
import type { History } from "../history/index.ts";
import type { ScanPool } from "../scan/index.ts";
import { PeerLender } from "./lend.ts";
import type { PeerLink } from "./link.ts";
import { PeerSeal } from "./seal.ts";
import { PeerReader } from "./serve.ts";
import { Warnings } from "./warnings.ts";

export { decodeRequest, encodeOffer, encodeReply } from "./codec.ts";
export { PeerSeal } from "./seal.ts";

const ID_BYTES = 16;

/** What must be the same for a filter to mean the same: characters and their cases are the runtime's. */
export function peerVersionOf(programVersion: string): string {
  return `${programVersion} ${process.version}`;
}

/** From now on this process has others read for it, and reads for them, until `close`. */
export function joinPeers(
  parts: {
    link: PeerLink;
    /** The same key in all collectors of a cluster. */
    readKey: () => Promise<Uint8Array>;
    pool: ScanPool;
    history: Pick<History, "payloadOf">;
    programVersion: string;
    peersMax: number;
  },
  logger: Logger,
): { close(): void } {
  const { link, readKey, pool, history, programVersion, peersMax } = parts;
  const version = peerVersionOf(programVersion);
  const shared = { link, pool, version, seal: new PeerSeal(readKey), processId: randomBytes(ID_BYTES).toString("hex") };
  const warnings = new Warnings(logger);
  const lender = new PeerLender({ ...shared, peersMax }, warnings);
  const reader = new PeerReader({ ...shared, payloadOf: (unit) => history.payloadOf(unit) }, warnings);
  pool.lender = lender;
  return {
    close() {
      pool.lender = undefined;
      lender.close();
      reader.close();
    },
  };
}

/** Sends all of a host's trail that somebody needs who checks it without us. */
import { EvidenceBlock, type ExportEvidenceResponse } from "@hosttrail/proto/verify";
import { timestampOf, type Sink } from "../serve/index.ts";
import type { StoredBlock } from "./blocks.ts";
import { type HostResult, prepare, type Question, verifyHost } from "./host.ts";
import { entryMessage, timeOf, verdictMessage } from "./message.ts";
import type { KeptSource } from "./source.ts";
import type { Seen } from "./trail.ts";

export interface EvidenceAbout {
  collectorVersion: string;
  /** PEM. */
  authorities: string;
  /** Of the log, where there is one. */
  checkpoint: string | undefined;
}

const NO_BYTES = new Uint8Array(0);

/** Throws as verifyHost, and a ServiceError where the call ended. */
export async function sendEvidence(
  source: KeptSource,
  question: Omit<Question, "progress" | "take">,
  { collectorVersion, authorities: authoritiesPem, checkpoint }: EvidenceAbout,
  sink: Sink<ExportEvidenceResponse>,
): Promise<HostResult> {
  const { hostId, range, logged } = question;
  const send = (part: ExportEvidenceResponse["part"]): Promise<void> => sink.write({ part });
  const prepared = (await prepare(source, [hostId])).get(hostId);
  if (prepared === undefined) throw new TypeError(`host ${hostId} was not read`);
  const hostName = prepared.document?.name ?? "";
  const [startTime, endTime] = [timeOf(range.startNano), timeOf(range.endNano)];
  await send({ $case: "about", value: { hostId, hostName, startTime, endTime, collectorVersion, authoritiesPem } });
  for (const { chain } of await source.certificatesOf(hostId))
    await send({ $case: "certificate", value: { chain: chain.map((der) => Buffer.from(der)) } });
  const take = async (block: StoredBlock, seen: Seen): Promise<void> => {
    await send({ $case: "block", value: blockMessage(block, seen) });
    if (seen.isAsked) sink.results += block.parsed.header.count;
  };
  const result = await verifyHost(source, { ...question, take, progress: () => undefined }, prepared);
  if (checkpoint !== undefined) await send({ $case: "checkpoint", value: { note: checkpoint, consistencyProof: [] } });
  for (const entry of typeof logged === "object" ? logged.proofs : [])
    await send({ $case: "entry", value: entryMessage(entry) });
  await send({ $case: "verdict", value: verdictMessage(result, []) });
  return result;
}

/** Of the neighbours of the time the header alone is sent: it shows that nothing is between. */
function blockMessage({ id, parsed, columns, receivedMs }: StoredBlock, { isAsked }: Seen): EvidenceBlock {
  const { header, signature } = parsed.block;
  return EvidenceBlock.fromPartial({
    id,
    header,
    signature,
    columns: isAsked ? columns : NO_BYTES,
    neighbour: !isAsked,
    receiveTime: timestampOf(Math.floor(receivedMs)),
  });
}

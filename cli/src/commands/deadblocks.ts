/** `hosttrail dlq`: blocks that could not be stored. */
import {
  DeadBlock,
  DeadBlock_StoredState as StoredState,
  type DeadBlockServiceClient,
  type DropDeadBlockResponse,
  ListDeadBlocksRequest,
  type ListDeadBlocksResponse,
  ReplayDeadBlockResponse,
  ReplayDeadBlockResponse_Outcome as Outcome,
} from "@hosttrail/proto/deadblock";
import { call } from "../call.ts";
import type { Output } from "../output/index.ts";
import { printable, timeOf } from "../text.ts";
import { line } from "./line.ts";

const PAGE_SIZE_MAX = 1000;
const TITLES = ["ID", "TIME", "HOST", "REASON", "EVENTS", "BYTES", "DELIVERIES", "BLOCK", "DETAIL"];

/** `hosttrail dlq list` */
export async function listDeadBlocks(
  client: DeadBlockServiceClient,
  { hostId, reason, limit }: { hostId: string; reason: string; limit: number },
  { json, print, table, lack, note }: Output,
): Promise<void> {
  const found: DeadBlock[] = [];
  let [pageToken, pushedOut] = ["", 0n];
  do {
    const pageSize = Math.min(limit - found.length, PAGE_SIZE_MAX);
    const request = ListDeadBlocksRequest.fromPartial({ hostId, reason, pageToken, pageSize });
    const page = await call<ListDeadBlocksResponse>((done) => client.listDeadBlocks(request, done));
    found.push(...page.deadBlocks);
    ({ pushedOut } = page);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length < limit);
  if (json) for (const each of found) print(line(DeadBlock.toJSON(each)));
  else print(table([TITLES, ...found.map(rowOf)], ["DELIVERIES", "BYTES"]));
  if (pageToken !== "") lack(`there are more than ${limit}; see --limit`);
  if (pushedOut > 0n) note(`${pushedOut} more were pushed out by newer ones, or became too old`);
}

function rowOf({ id, time, hostName, hostId, reason, events, sizeBytes, deliveries, blockId, detail }: DeadBlock) {
  const counts = [events === 0 ? "" : String(events), String(sizeBytes), deliveries === 0 ? "" : String(deliveries)];
  return [id, timeOf(time), hostName || hostId, reason, ...counts, blockId, detail].map(printable);
}

const STORED: Readonly<Partial<Record<StoredState, string>>> = {
  [StoredState.NOT_STORED]: "no",
  [StoredState.STORED]: "yes: these very bytes",
};

/** `hosttrail dlq show ID` */
export async function showDeadBlock(client: DeadBlockServiceClient, id: string, output: Output): Promise<void> {
  const found = await call<DeadBlock>((done) => client.getDeadBlock({ id }, done));
  if (output.json) {
    output.print(line(DeadBlock.toJSON(found)));
    return;
  }
  const { header, problems } = found;
  const rows: [string, string][] = [
    ["DEAD LETTER", found.id],
    ["BLOCK", found.blockId],
    ["HOST", `${found.hostName} ${found.hostId}`.trim()],
    ["DIED", timeOf(found.time)],
    ["REASON", `${found.reason}: ${found.detail}`],
    ["DELIVERIES", found.deliveries === 0 ? "not known" : String(found.deliveries)],
    ["BYTES", String(found.sizeBytes)],
    ["HEADER SHA-256", found.headerSha256],
    ["SIGNED BY", found.signer],
    ["STORED", STORED[found.stored] ?? "not known"],
  ];
  if (header !== undefined) {
    const { epoch, firstSeq, count, bootId, agentVersion, formatVersion, columnsBytes, previousHeaderSha256 } = header;
    rows.push(
      ["EPOCH", epoch],
      ["NUMBERS", `${firstSeq} to ${firstSeq + BigInt(Math.max(count, 1)) - 1n}, ${count} events`],
      ["EVENTS FROM", timeOf(header.firstEventTime)],
      ["EVENTS TO", timeOf(header.lastEventTime)],
      ["BOOT", bootId],
      ["AGENT", `${agentVersion}, format ${formatVersion}`],
      ["COLUMNS", `${columnsBytes} bytes`],
      ["AFTER", previousHeaderSha256 || "nothing: the first one of its epoch"],
    );
  }
  for (const [at, problem] of problems.entries()) rows.push([at === 0 ? "WRONG NOW" : "", problem]);
  if (problems.length === 0) rows.push(["WRONG NOW", "nothing: its bytes can be read to their end"]);
  output.print(output.align(rows.map((row) => row.map(printable))));
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  [Outcome.UNSPECIFIED]: "unknown",
  [Outcome.STORED]: "stored",
  [Outcome.WAITING]: "waiting",
  [Outcome.DUPLICATE]: "duplicate",
  [Outcome.DEAD]: "dead again",
};

/** `hosttrail dlq replay ID...`; the exit status: 1 where one is not stored. */
export async function replayDeadBlocks(
  client: DeadBlockServiceClient,
  { ids, waitMs }: { ids: readonly string[]; waitMs: number },
  { json, print }: Output,
): Promise<number> {
  let isAllStored = true;
  for (const id of ids) {
    const response = await call<ReplayDeadBlockResponse>((done) => client.replayDeadBlock({ id, waitMs }, done));
    const { outcome, detail, newId } = response;
    if (outcome !== Outcome.STORED) isAllStored = false;
    const now = newId === "" || newId === id ? "" : ` (now ${newId})`;
    if (json) print(line({ id, ...(ReplayDeadBlockResponse.toJSON(response) as object) }));
    else print(printable(`${id}: ${OUTCOMES[outcome] ?? OUTCOMES[Outcome.UNSPECIFIED]}${now}: ${detail}`) + "\n");
  }
  return isAllStored ? 0 : 1;
}

/** `hosttrail dlq drop ID... --reason TEXT` */
export async function dropDeadBlocks(
  client: DeadBlockServiceClient,
  { ids, reason }: { ids: readonly string[]; reason: string },
): Promise<void> {
  for (const id of ids) await call<DropDeadBlockResponse>((done) => client.dropDeadBlock({ id, reason }, done));
}

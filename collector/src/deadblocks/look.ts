/** What can be said of a dead block by its bytes alone. Pure but for the hash. */
import { BLOCK_BYTES_MAX, BlockError, type Header, openBlock, parseBlock, parseEventId } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { BlockMessage } from "../model/index.ts";

export interface Look {
  /** Undefined where it cannot be read. */
  header: Header | undefined;
  /** What is wrong, each for itself. */
  problems: string[];
}

export function lookAt({ id, hostId, headerSha256, bytes }: BlockMessage): Look {
  const problems: string[] = [];
  if (bytes.length > BLOCK_BYTES_MAX)
    problems.push(`it has ${bytes.length} bytes; a block has ${BLOCK_BYTES_MAX} at most`);
  let parsed: ReturnType<typeof parseBlock>;
  try {
    parsed = parseBlock(bytes);
  } catch (error) {
    return { header: undefined, problems: [...problems, messageOf(error)] };
  }
  const { block, header } = parsed;
  const hash = Buffer.from(nodePrimitives.sha256(block.header)).toString("hex");
  if (hash !== headerSha256) problems.push(`its header's SHA-256 is ${hash}, and ${headerSha256} was received`);
  if (header.hostId !== hostId) problems.push(`its header says host ${header.hostId}, and ${hostId} sent it`);
  const place = parseEventId(id);
  if (place?.epoch !== header.epoch || place.seq !== header.firstSeq)
    problems.push(`its header says epoch ${header.epoch}, number ${header.firstSeq}, and it came as ${id}`);
  try {
    openBlock(parsed, nodePrimitives).check();
  } catch (error) {
    problems.push(messageOf(error));
  }
  return { header, problems };
}

function messageOf(error: unknown): string {
  if (error instanceof BlockError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

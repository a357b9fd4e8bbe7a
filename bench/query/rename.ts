/** The segment of a host as that of another one with a name that is as long. */
import type { compact } from "@hosttrail/collector/compact";
import { SegmentReader } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { tellSieve } from "@hosttrail/lib/predicate";
import { SieveBuilder } from "@hosttrail/lib/sieve";
import { Segment } from "@hosttrail/proto/segment";

type Made = ReturnType<typeof compact>[number];

interface Named {
  hostId: string;
  name: string;
}

export function renamed({ entry, bytes }: Made, from: Named, to: Named, epoch: bigint): Made {
  const segment = Segment.decode(bytes);
  const content = Buffer.from(nodePrimitives.decompress(segment.content, segment.contentBytes));
  replaceAll(content, from.hostId, to.hostId);
  replaceAll(content, from.name, to.name);
  const made = Segment.encode({
    ...segment,
    hostId: Buffer.from(to.hostId, "hex"),
    epoch,
    sealedEpoch: epoch,
    content: nodePrimitives.compressSegment(content),
  }).finish();
  const keys = new SieveBuilder();
  tellSieve(new SegmentReader(made, nodePrimitives).events, keys);
  const sieve = keys.finish();
  return {
    bytes: made,
    sieve,
    entry: {
      ...entry,
      epoch,
      bytes: made.length,
      sha256: nodePrimitives.sha256(made),
      sieveSha256: nodePrimitives.sha256(sieve),
    },
  };
}

function replaceAll(bytes: Buffer, text: string, other: string): void {
  if (text.length !== other.length) throw new Error(`"${other}" is not as long as "${text}"`);
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + text.length)) bytes.write(other, at);
}

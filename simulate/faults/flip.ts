/** A bit on a host's disk is another one: of a block in the spool, which is noted as what may be missing. */
import { SPOOL, type SimulatedHost } from "../host/index.ts";
import type { Random } from "../schedule/index.ts";

export function flipBit(host: SimulatedHost, random: Random): void {
  const segments = host.disk.filesIn(SPOOL).filter((path) => path.endsWith(".segment"));
  if (segments.length === 0) return;
  const inode = host.disk.inode(random.pick(segments));
  if (inode === undefined || inode.size === 0) return;
  const position = random.whole(0, inode.size - 1);
  host.noteFlip(inode, position);
  inode.flip(position, random.whole(0, 7));
}

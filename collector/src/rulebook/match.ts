/** The rules of a book held against a block of a host. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Match } from "@hosttrail/lib/detect";
import type { LoadedRule, RuleBook } from "./book.ts";

/** What is known of a block's host beside the block. */
export interface HostInfo {
  id: string;
  /** From the proof of its enrolment; see access/labels.ts. */
  labels: Readonly<Record<string, string>>;
}

export interface BlockMatch {
  loaded: LoadedRule;
  match: Match;
}

/** Matches of rules that are meant for this host. */
export function matchBlock(book: RuleBook, block: ColumnBlock, host: HostInfo): BlockMatch[] {
  const isMeant = new Map<LoadedRule["ruleset"], boolean>();
  const found: BlockMatch[] = [];
  for (const match of book.detection.match(block)) {
    const loaded = book.of(match.rule);
    const { ruleset } = loaded;
    let meant = isMeant.get(ruleset);
    if (meant === undefined) {
      meant = isMeantFor(ruleset, block, host);
      isMeant.set(ruleset, meant);
    }
    if (meant) found.push({ loaded, match });
  }
  return found;
}

/** Whether a host has all labels and tags of a selector. Tags are what its cloud says, as its events have them. */
export function isMeantFor(
  { labels, tags }: Pick<LoadedRule["ruleset"], "labels" | "tags">,
  block: ColumnBlock,
  host: HostInfo,
): boolean {
  if (!Object.entries(labels).every(([key, value]) => host.labels[key] === value)) return false;
  const wanted = Object.entries(tags);
  if (wanted.length === 0) return true;
  const known = tagsOf(block);
  return wanted.every(([key, value]) => known.get(key) === value);
}

/** Tags of the host's cloud, as the block has them. */
function tagsOf(block: ColumnBlock): Map<string, string> {
  return new Map(block.clouds.rows.flatMap(({ tags }) => tags.map(({ key, value }) => [key, value] as const)));
}

/** What rules found in a block, as it is handed to the one who alerts. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { FieldTexts, MatchBatch, MatchedEvent, RuleMatches } from "@hosttrail/proto/detection";
import { Event } from "@hosttrail/proto/event";
import type { BlockMessage } from "../model/index.ts";
import { type BlockMatch, describe, type HostInfo, matchBlock, type RuleBook } from "../rulebook/index.ts";
import type { Suppressions } from "../suppress/index.ts";
import { NO_EVENT } from "./parts.ts";
import { alertTitle } from "./title.ts";

/** Events of one rule and block that are told one by one, and those that are told in full. */
const EVENTS_MAX = 1000;
const FULL_EVENTS_MAX = 4;
/** Of a rule that a correlation is about: it shows them together. */
const CORRELATED_FULL_EVENTS_MAX = 20;
/** Texts of a field, and characters of each, that are handed on for correlations. */
const TEXTS_MAX = 100;
const TEXT_LENGTH_MAX = 4096;

export interface BlockContext {
  book: RuleBook;
  suppressions: Suppressions;
  host: HostInfo;
  /** When the stream got it, milliseconds. */
  receivedMs: number;
}

/** Undefined where nothing matches. `only` says which events are looked at, where not all are. */
export function batchOf(
  message: Omit<BlockMessage, "bytes" | "signer">,
  block: ColumnBlock,
  context: BlockContext,
  only: (event: number) => boolean = () => true,
): MatchBatch | undefined {
  const { book, host, receivedMs } = context;
  const found = matchBlock(book, block, host).filter(({ match }) => only(match.event));
  if (found.length === 0) return undefined;
  const rules = Array.from(Map.groupBy(found, ({ loaded }) => loaded).values(), (list) =>
    matchesOf(list, block, context),
  );
  return {
    blockId: message.id,
    headerSha256: message.headerSha256,
    hostId: message.hostId,
    hostName: message.hostName,
    receivedUnixNano: BigInt(receivedMs) * 1_000_000n,
    revision: book.revision,
    part: 0,
    rules,
    looked: [],
  };
}

function matchesOf(list: readonly BlockMatch[], block: ColumnBlock, context: BlockContext): RuleMatches {
  const { loaded } = list[0] as BlockMatch;
  const { book, suppressions, host } = context;
  const asked = loaded.rule.kind === "detection" ? book.fields.get(loaded.rule) : undefined;
  const alerts = loaded.isEnabled && !loaded.isSilent;
  const fullMax = asked === undefined ? FULL_EVENTS_MAX : CORRELATED_FULL_EVENTS_MAX;
  let full = 0;
  const events = list.slice(0, EVENTS_MAX).map(({ match }): MatchedEvent => {
    const { exception = "", silence = "" } = suppressions.hiddenBy(loaded.key, host, block, match.event);
    const isFull = exception === "" && full < fullMax;
    if (isFull) full++;
    return {
      eventId: block.eventId(match.event),
      timeUnixNano: block.columns.time[match.event] ?? 0n,
      hiddenBy: exception,
      silencedBy: silence,
      fields: exception === "" && asked !== undefined ? textsOf(book, block, match, asked) : [],
      title: isFull && alerts ? alertTitle(loaded.rule, (field) => book.detection.textsOf(block, match, field)) : "",
      event: isFull ? Event.encode(block.event(match.event)).finish() : NO_EVENT,
    };
  });
  return { rule: describe(loaded), alerts, events, ...rest(list.slice(EVENTS_MAX), block) };
}

/** What was matched beyond the bound; what an exception hides of it is not told apart. */
function rest(
  list: readonly BlockMatch[],
  block: ColumnBlock,
): Pick<RuleMatches, "more" | "moreFirstUnixNano" | "moreLastUnixNano"> {
  let first = 0n;
  let last = 0n;
  for (const { match } of list) {
    const time = block.columns.time[match.event] ?? 0n;
    if (first === 0n || time < first) first = time;
    if (time > last) last = time;
  }
  return { more: list.length, moreFirstUnixNano: first, moreLastUnixNano: last };
}

function textsOf(
  book: RuleBook,
  block: ColumnBlock,
  match: BlockMatch["match"],
  fields: ReadonlySet<string>,
): FieldTexts[] {
  return Array.from(fields, (field) => ({
    field,
    texts: book.detection
      .textsOf(block, match, field)
      .slice(0, TEXTS_MAX)
      .map((text) => text.slice(0, TEXT_LENGTH_MAX)),
  }));
}

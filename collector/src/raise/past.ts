/** What detection would have found in stored history: for events that came so late that others of their time are forgotten. */
import { type ColumnBlock, parseEventId } from "@hosttrail/lib/block";
import type { RuleMatch } from "@hosttrail/lib/correlate";
import { type Match, RuleSet } from "@hosttrail/lib/detect";
import type { Logger } from "@hosttrail/lib/log";
import type { LookedRange } from "@hosttrail/proto/detection";
import type { Event } from "@hosttrail/proto/event";
import { hunt, type HuntFinding, type HuntSource } from "../hunt/index.ts";
import { isMeantFor, type HostInfo, type RuleBook } from "../rulebook/index.ts";
import type { Suppressions } from "../suppress/index.ts";
import type { Recovered } from "./passed.ts";
import type { PastQuery, RaiseHistory } from "./ports.ts";
import { recover } from "./recover.ts";

/** Matches that one answer has, at most. */
const MATCHES_MAX = 200_000;

export interface PastSource extends HuntSource {
  find(hostId: string, epoch: bigint, seq: bigint): Promise<{ events: ColumnBlock; index: number } | undefined>;
}

export interface PastRules {
  book(): RuleBook;
  suppressions(): Suppressions;
}

export class Past implements RaiseHistory {
  readonly #source: PastSource;
  readonly #rules: PastRules;
  readonly #hostOf: (hostId: string) => Promise<HostInfo>;
  readonly #logger: Logger;

  constructor(source: PastSource, rules: PastRules, hostOf: (hostId: string) => Promise<HostInfo>, logger: Logger) {
    this.#source = source;
    this.#rules = rules;
    this.#hostOf = hostOf;
    this.#logger = logger;
  }

  async matchesIn({ rules, hosts, fromNano, toNano }: PastQuery, signal: AbortSignal): Promise<RuleMatch[]> {
    const set = new RuleSet([...new Set(rules)]);
    const request = { rules: set, hosts, startNano: fromNano, endNano: toNano + 1n, signal };
    const matches: RuleMatch[] = [];
    for await (const finding of hunt(this.#source, request)) {
      if (finding.kind === "unreadable") {
        const { unit, reason } = finding;
        this.#logger.error(
          { host: unit.hostId, place: unit.place, reason },
          "history is damaged: a correlation may miss events",
        );
        continue;
      }
      for (const match of await this.#matchesOf(set, finding)) matches.push(match);
      if (matches.length >= MATCHES_MAX) {
        this.#logger.warn({ matches: matches.length }, "more matched in a past time than a correlation is given");
        break;
      }
    }
    return matches;
  }

  async #matchesOf(
    set: RuleSet,
    { unit, events, matches }: Extract<HuntFinding, { kind: "matches" }>,
  ): Promise<RuleMatch[]> {
    const book = this.#rules.book();
    const suppressions = this.#rules.suppressions();
    const host = await this.#hostOf(unit.hostId);
    const isSeen = ({ rule, event }: Match): boolean => {
      // Rules may have changed meanwhile; then it is asked again.
      if (!book.has(rule)) return true;
      const { key, ruleset } = book.of(rule);
      if (!isMeantFor(ruleset, events, host)) return false;
      return suppressions.hiddenBy(key, host, events, event).exception === undefined;
    };
    return matches.filter(isSeen).map((match) => {
      const timeNano = events.columns.time[match.event] ?? 0n;
      return {
        rule: match.rule,
        eventId: events.eventId(match.event),
        timeNano,
        // When it came is not kept with it; what matters is when the one came that asks.
        receivedNano: timeNano,
        hostId: unit.hostId,
        texts: (field: string) => set.textsOf(events, match, field),
      };
    });
  }

  async event(eventId: string): Promise<Event | undefined> {
    const parts = parseEventId(eventId);
    if (parts === undefined) return undefined;
    const found = await this.#source.find(parts.hostId, parts.epoch, parts.seq);
    return found?.events.event(found.index);
  }

  recover(range: LookedRange, signal: AbortSignal): AsyncIterable<Recovered> {
    const find = (hostId: string, epoch: bigint, seq: bigint) => this.#source.find(hostId, epoch, seq);
    return recover({ find, hostOf: this.#hostOf, rules: this.#rules }, range, signal);
  }
}

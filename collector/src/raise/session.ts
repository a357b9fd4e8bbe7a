/**
 * One time of being the process that raises alerts. All that it knows follows from the messages in their order: it begins at the last
 * checkpoint, takes the messages behind it again, and comes to the same alerts.
 */
import type {
  CorrelationChange,
  CorrelationMatch,
  CorrelationWithdrawal,
  HistoryNeeded,
  RuleMatch,
} from "@hosttrail/lib/correlate";
import type { Logger } from "@hosttrail/lib/log";
import type { Alert } from "@hosttrail/proto/alert";
import { DetectorState, MatchBatch, type RuleMatches } from "@hosttrail/proto/detection";
import { metrics } from "../metrics/index.ts";
import { describe, type HostInfo, type LoadedRule, type RuleBook, ruleKey } from "../rulebook/index.ts";
import { Completion, CORRELATED_EVENTS_MAX } from "./completion.ts";
import { Correlations } from "./correlations.ts";
import {
  addCount,
  addMatch,
  alertId,
  alertIdOf,
  hashOf,
  newAlert,
  nowTimestamp,
  timestampOf,
  windowOf,
  withEvent,
} from "./fold.ts";
import { KnownFindings } from "./known.ts";
import { Looked } from "./looked.ts";
import type { Found } from "./look.ts";
import type {
  HeldLease,
  RaiseArchive,
  RaiseFeed,
  RaiseHistory,
  RaiseOptions,
  RaiseRules,
  SequencedMessage,
} from "./ports.ts";
import { type Draft, Register } from "./register.ts";
import { Seen } from "./seen.ts";
import { type InTurn, inTurn } from "./turn.ts";

const SEEN_MAX = 200_000;
const MS_NANO = 1_000_000n;
/** Events that come within this time after they happened find the windows that they belong to; later ones ask history. */
const KEPT_NANO = 900_000_000_000n;
/** What was told of correlations of an older time is final. */
const FINAL_NANO: bigint = 31n * 86_400_000_000_000n;
const DIGEST_BYTES = 8;
/** Of so many checkpoints one is for what changes nothing but what was looked at. */
const MINOR_EVERY = 6;

export interface SessionParts {
  feed: RaiseFeed;
  archive: RaiseArchive;
  rules: RaiseRules;
  history: RaiseHistory;
  hostOf: (hostId: string) => Promise<HostInfo>;
  lease: HeldLease;
  options: RaiseOptions;
  logger: Logger;
}

/** A state that is to be saved once all alerts that it knows of are written. */
interface Saving {
  sequence: bigint;
  bytes: Uint8Array;
  /** Suppressions that hid more since the last one. */
  hidden: readonly string[];
  /** States that were saved before it was made. */
  savedBefore: number;
}

/** An alert's part in a message: what was matched in one window. */
interface Touched {
  matches: RuleMatches;
  /** Numbers of its events. */
  events: number[];
}

export class Session {
  readonly #parts: SessionParts;
  readonly #register: Register;
  readonly #correlations: Correlations;
  readonly #completion: Completion;
  readonly #seen: Seen;
  readonly #findings: KnownFindings;
  readonly #hidden: DetectorState["hidden"];
  readonly #hiddenChanged = new Set<string>();
  #book: RuleBook;
  /** That of others, for which the rules were read again already. */
  #otherRevision = "";
  #sequence: bigint;
  /** Last message that is more than word of what was looked at: such a one is no reason to save. */
  #changedSequence: bigint;
  #newestNano: bigint;
  #savedSequence: bigint;
  #savedMs: number = performance.now();
  /** States that were saved. */
  #saved = 0;
  /** One state is saved after the other. */
  readonly #saving = inTurn();
  readonly looked: Looked;

  private constructor(parts: SessionParts, state: DetectorState) {
    const { archive, feed, lease, logger, rules, history, hostOf } = parts;
    this.#parts = parts;
    this.#book = rules.book();
    this.#register = new Register(archive, feed, lease, logger);
    this.#correlations = new Correlations(this.#book, state.correlations, state.requests, logger);
    this.#completion = new Completion(history);
    this.#seen = new Seen(SEEN_MAX, state.seen);
    this.#hidden = state.hidden;
    const hide = (suppressionId: string): void => this.#hide(suppressionId, 1);
    const save = (): Promise<void> => this.checkpoint(true);
    this.#findings = new KnownFindings({ register: this.#register, rules, hostOf, hide, save }, state.findings);
    this.#sequence = state.sequence;
    this.#changedSequence = state.sequence;
    this.#savedSequence = state.sequence;
    this.looked = new Looked(state.looked, Number(state.lookedSinceUnixMs), Date.now());
    this.#newestNano = state.newestEventUnixNano;
  }

  static async begin(parts: SessionParts): Promise<Session> {
    const saved = await parts.archive.loadState();
    const state = saved === undefined ? DetectorState.create() : DetectorState.decode(saved.bytes);
    return new Session(parts, state);
  }

  /** The message to take next. */
  get next(): bigint {
    return this.#sequence + 1n;
  }

  get correlations(): Correlations {
    return this.#correlations;
  }

  /** Looks events up that alerts name and do not have; gives how many alerts got some. */
  async completeSome(signal: AbortSignal, serial: InTurn): Promise<void> {
    for (const [alertId, events] of await this.#completion.lookUp(signal))
      await serial(async () => {
        await this.#register.load([alertId]);
        const draft = this.#register.get(alertId);
        if (draft === undefined) return;
        for (const event of events) draft.alert.events = withEvent(draft.alert.events, event, CORRELATED_EVENTS_MAX);
        draft.isDirty = true;
      });
  }

  /**
   * Messages from the next one to this one are gone. Whoever was the one before may have come further than we know, if they were paused between
   * their last look at the lease and their checkpoint: then throws, since a session that begins anew goes on from there.
   */
  async missed(first: bigint): Promise<void> {
    const { archive, logger } = this.#parts;
    const saved = await archive.loadState();
    const [from, to] = [String(this.next), String(first)];
    if (saved !== undefined && saved.sequence > this.#sequence)
      throw new Error(`somebody else took matches ${from} to ${to} in: it goes on from their checkpoint`);
    logger.error({ from, to }, "matches are missing in the stream");
  }

  /** Takes messages in, in their order, and writes what is new. */
  async take(messages: readonly SequencedMessage[]): Promise<void> {
    for (const [at, { sequence }] of messages.entries()) {
      const next = at === 0 ? this.next : (messages[at - 1]?.sequence ?? 0n) + 1n;
      // Before the first checkpoint there is nothing to go on from.
      if (sequence > next && next > 1n) await this.missed(sequence);
    }
    const taken = messages.flatMap(({ sequence, bytes }) => {
      const batch = this.#decode(bytes);
      return batch === undefined ? [] : [{ sequence, batch, touched: this.#touched(batch) }];
    });
    await this.#register.load(taken.flatMap(({ touched }) => [...touched.keys()]));
    const changes: CorrelationChange[] = [];
    for (const { sequence, batch, touched } of taken) {
      await this.#followRules(batch.revision, changes);
      for (const [id, part] of touched) this.#fold(id, part, batch, sequence);
      this.#countHidden(batch);
      this.#completion.note(batch);
      for (const change of this.#correlations.take(batch)) changes.push(change);
      for (const { events } of batch.rules) this.#note(events);
    }
    this.#sequence = messages.at(-1)?.sequence ?? this.#sequence;
    this.#changedSequence = taken.at(-1)?.sequence ?? this.#changedSequence;
    await this.#apply(changes);
    await this.#register.write();
    for (const { batch } of taken)
      metrics.raiseSeconds.observe(Math.max(0, Date.now() - Number(batch.receivedUnixNano / MS_NANO)) / 1000);
  }

  #decode(bytes: Uint8Array): MatchBatch | undefined {
    const batch = MatchBatch.decode(bytes);
    for (const range of batch.looked) this.looked.add(range, Date.now());
    if (batch.looked.length > 0) return undefined;
    const digest = Buffer.from(hashOf(batch.headerSha256, batch.blockId, String(batch.part)), "hex");
    const isNew = this.#seen.add(digest.subarray(0, DIGEST_BYTES));
    metrics.raiseMessages.inc({ result: isNew ? "taken" : "known" });
    return isNew ? batch : undefined;
  }

  /** Whoever matched by other rules may have newer ones than we. */
  async #followRules(revision: string, changes: CorrelationChange[]): Promise<void> {
    // Those of another version have other rules for as long as they run.
    if (revision !== this.#book.revision && revision !== this.#otherRevision) {
      await this.#parts.rules.refresh();
      this.#otherRevision = revision;
    }
    const book = this.#parts.rules.book();
    if (book === this.#book) return;
    // They name the rules of the book that goes.
    await this.#apply(changes.splice(0));
    this.#book = book;
    this.#correlations.changeBook(book);
  }

  #touched(batch: MatchBatch): Map<string, Touched> {
    const { windowMs } = this.#parts.options;
    const touched = new Map<string, Touched>();
    for (const matches of batch.rules) {
      if (!matches.alerts || matches.rule === undefined) continue;
      const { key } = matches.rule;
      // Most events of a block are of one window, and a name is made by a hash.
      const byWindow = new Map<number, Touched>();
      for (const [index, { hiddenBy, timeUnixNano }] of matches.events.entries()) {
        if (hiddenBy !== "") continue;
        const startMs = windowOf(timeUnixNano, windowMs);
        let known = byWindow.get(startMs);
        if (known === undefined) {
          known = { matches, events: [] };
          byWindow.set(startMs, known);
          touched.set(alertIdOf(key, batch.hostId, startMs), known);
        }
        known.events.push(index);
      }
    }
    return touched;
  }

  #fold(id: string, { matches, events }: Touched, batch: MatchBatch, sequence: bigint): void {
    const { rule } = matches;
    if (rule === undefined) return;
    const group = [{ field: "host.id", value: batch.hostId }];
    const draft = this.#register.get(id) ?? this.#register.make(newAlert(id, rule, group));
    // What was written before a restart has the message in it.
    if (draft.sequence >= sequence) return;
    const { alert } = draft;
    const wasSilenced = alert.silencedBy;
    const lateAfterNano = BigInt(this.#parts.options.lateAfterMs) * MS_NANO;
    const source = {
      host: { id: batch.hostId, name: batch.hostName },
      receivedNano: batch.receivedUnixNano,
      lateAfterNano,
    };
    for (const index of events) {
      const event = matches.events[index];
      if (event === undefined) continue;
      addMatch(alert, event, source);
      if (event.silencedBy === "") alert.silencedBy = "";
    }
    // Beyond the bound of what is told of a block: they are of its last window.
    if (events.includes(matches.events.length - 1))
      addCount(alert, matches.more, matches.moreFirstUnixNano, matches.moreLastUnixNano);
    alert.rule = rule;
    if (alert.silencedBy !== "" && draft.isNew && draft.sequence === 0n) this.#hide(alert.silencedBy, 1);
    // It is told of again where it is not silenced any more.
    if (wasSilenced !== "" && alert.silencedBy === "") draft.isTold = false;
    this.#touch(draft, sequence);
  }

  #touch(draft: Draft, sequence: bigint): void {
    draft.sequence = sequence;
    draft.isDirty = true;
    draft.hasMore = !draft.isNew;
  }

  #countHidden({ rules }: MatchBatch): void {
    for (const { events } of rules)
      for (const { hiddenBy } of events) {
        if (hiddenBy === "") continue;
        metrics.raiseHidden.inc();
        this.#hide(hiddenBy, 1);
      }
  }

  #hide(suppressionId: string, count: number): void {
    const before = this.#hidden[suppressionId]?.count ?? 0n;
    this.#hidden[suppressionId] = { count: before + BigInt(count), lastUnixMs: BigInt(Date.now()) };
    this.#hiddenChanged.add(suppressionId);
  }

  #note(events: readonly { timeUnixNano: bigint }[]): void {
    const nowNano = BigInt(Date.now()) * MS_NANO;
    for (const { timeUnixNano } of events)
      if (timeUnixNano > this.#newestNano && timeUnixNano <= nowNano) this.#newestNano = timeUnixNano;
  }

  /** Takes in what history said about an event that came late. */
  async answer(asked: readonly HistoryNeeded[], matches: readonly RuleMatch[]): Promise<void> {
    // Rules may have changed meanwhile: then it is asked again.
    const isOfOld = matches.some(({ rule }) => this.#book.byKey(ruleKey(rule))?.rule !== rule);
    if (isOfOld) return;
    await this.#apply(this.#correlations.answer(asked, matches));
    await this.#register.write();
  }

  /** Makes alerts of what correlations tell. */
  async #apply(changes: readonly CorrelationChange[]): Promise<void> {
    if (changes.length === 0) return;
    // What is told last of a match is what holds.
    const last = new Map<string, CorrelationMatch | CorrelationWithdrawal>();
    for (const change of changes) {
      if (change.kind === "history") continue;
      if (change.kind === "match") this.#completion.noteMatch(change);
      const loaded = this.#book.of(change.rule);
      if (loaded.isEnabled && !loaded.isSilent) last.set(idOf(change), change);
    }
    await this.#register.load(last.keys());
    for (const [id, change] of last) {
      if (change.kind === "match") await this.#raise(id, change);
      else await this.#withdraw(id, change);
    }
  }

  async #raise(id: string, match: CorrelationMatch): Promise<void> {
    const loaded = this.#book.of(match.rule);
    const known = this.#register.get(id);
    const draft = known ?? this.#register.make(newAlert(id, describe(loaded), match.group));
    describeMatch(draft.alert, this.#completion.withInner(match), loaded, (hostId) => this.#completion.nameOf(hostId));
    this.#completion.complete(draft.alert);
    this.#touch(draft, this.#sequence);
    await this.#register.reopenWithdrawn(draft);
  }

  async #withdraw(id: string, { replacedBy }: CorrelationWithdrawal): Promise<void> {
    const draft = this.#register.get(id);
    if (draft === undefined) return;
    // It must be there before it can be withdrawn.
    if (draft.isNew) await this.#register.write();
    const other = replacedBy === undefined ? "" : correlationAlertId(replacedBy.id, replacedBy.completedNano);
    await this.#register.withdraw(draft, "events that came later are part of it, or undo it", other);
  }

  /** Whether an alert tells of a finding. */
  isOpen(key: string): boolean {
    return this.#findings.isOpen(key);
  }

  /** Makes alerts of what is wrong now, and withdraws those of what is over. */
  async findings(found: Found): Promise<void> {
    await this.#findings.take(found);
  }

  /** Writes what is due. */
  async flush(): Promise<void> {
    await this.#register.write();
  }

  /**
   * Saves all, so that a later session goes on here. Alerts may be ahead of the state, never behind it: so they are written first, some in each
   * turn of `serial`, and what comes meanwhile does not wait for all of them.
   */
  async checkpoint(force = false, serial: InTurn = (work) => work()): Promise<void> {
    const saving = await serial(async () => (force || this.#isWorthSaving() ? this.#beginSaving() : undefined));
    if (saving === undefined) return;
    while (await serial(() => this.#register.saveSome())) continue;
    await this.#saving(() => this.#save(saving));
  }

  #isWorthSaving(): boolean {
    if (this.#hiddenChanged.size > 0) return true;
    if (this.#sequence === this.#savedSequence) return false;
    // Word of what was looked at comes with nearly each block, and can wait.
    const minorMs = this.#parts.options.checkpointMs * MINOR_EVERY;
    return this.#changedSequence > this.#savedSequence || performance.now() - this.#savedMs >= minorMs;
  }

  #beginSaving(): Saving {
    this.#register.beginSaving();
    const hidden = [...this.#hiddenChanged];
    this.#hiddenChanged.clear();
    const bytes = DetectorState.encode({
      sequence: this.#sequence,
      correlations: this.#correlations.snapshot(),
      seen: this.#seen.state(),
      requests: this.#correlations.requests(),
      findings: this.#findings.state,
      newestEventUnixNano: this.#newestNano,
      hidden: this.#hidden,
      looked: this.looked.state(),
      lookedSinceUnixMs: BigInt(this.looked.sinceMs),
    }).finish();
    return { sequence: this.#sequence, bytes, hidden, savedBefore: this.#saved };
  }

  async #save({ sequence, bytes, hidden, savedBefore }: Saving): Promise<void> {
    const { archive, feed, lease } = this.#parts;
    // A state that was made after this one is there already, and messages between the two may be gone.
    if (this.#saved !== savedBefore || !lease.isHeld()) {
      for (const id of hidden) this.#hiddenChanged.add(id);
      return;
    }
    for (const id of hidden) {
      const { count, lastUnixMs } = this.#hidden[id] ?? { count: 0n, lastUnixMs: 0n };
      await archive.putHidden(id, { hidden: Number(count), lastHiddenMs: Number(lastUnixMs) });
    }
    await archive.saveState({ sequence, bytes }, lease.term);
    this.#saved++;
    this.#savedSequence = sequence;
    this.#savedMs = performance.now();
    // Saving may have taken until somebody else was the one, who began before it and needs them.
    if (lease.isHeld()) await feed.forgetMatches(sequence);
  }

  /** Forgets what no window needs any more. */
  expire(): void {
    if (this.#newestNano > 0n) this.#correlations.expire(this.#newestNano - KEPT_NANO, this.#newestNano - FINAL_NANO);
  }
}

function idOf(change: CorrelationMatch | CorrelationWithdrawal): string {
  return correlationAlertId(change.id, change.completedNano);
}

function correlationAlertId(id: string, completedNano: bigint): string {
  return alertId(Number(completedNano / MS_NANO), id);
}

/** What is told of a match replaces what was told before. */
function describeMatch(
  alert: Alert,
  match: CorrelationMatch,
  loaded: LoadedRule,
  nameOf: (hostId: string) => string,
): void {
  alert.rule = describe(loaded);
  alert.title = titleOf(loaded, match);
  alert.firstEventTime = timestampOf(match.firstNano);
  alert.lastEventTime = timestampOf(match.lastNano);
  alert.count = BigInt(match.count);
  alert.value = match.value;
  alert.lateMs = match.lateNano / MS_NANO;
  alert.truncated = match.isTruncated;
  alert.eventIds = [...match.eventIds];
  const names = new Map(alert.hosts.map(({ id, name }) => [id, name]));
  alert.hosts = match.hostIds.map((id) => ({ id, name: nameOf(id) || (names.get(id) ?? "") }));
  alert.updateTime = nowTimestamp();
}

function titleOf({ rule }: LoadedRule, { group }: CorrelationMatch): string {
  const values = group.map(({ field, value }) => `${field} ${value}`);
  return values.length === 0 ? rule.title : `${rule.title}: ${values.join(", ")}`;
}

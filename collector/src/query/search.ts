/** Answers searches: a page of events, or all of them, as far as the budget goes. */
import type { Logger } from "@hosttrail/lib/log";
import type { Event } from "@hosttrail/proto/event";
import type {
  ExportEventsRequest,
  ExportEventsResponse,
  SearchEventsRequest,
  SearchEventsResponse,
  StreamSearchRequest,
  StreamSearchResponse,
} from "@hosttrail/proto/query";
import { status } from "@grpc/grpc-js";
import { budgetOf, type HostFinder } from "../ask/index.ts";
import { metrics } from "../metrics/index.ts";
import {
  type Budget,
  completenessOf,
  eventsInOrder,
  type Found,
  type Position,
  ScanReport,
  type ScanSource,
  Spending,
  unreadableOf,
} from "../scan/index.ts";
import { type Answers, invalidField, type PageTokens, serviceError, type Sink, type Visit } from "../serve/index.ts";
import { ExportSink, exportWriter } from "./export.ts";
import { pageSizeIn, type Question, questionOf, type SearchFields } from "./question.ts";
import { decodePosition, encodePosition } from "./token.ts";

export interface SearchParts {
  source: ScanSource;
  tokens: PageTokens;
  finder: HostFinder;
  /** The most that one question may take. */
  most: Budget;
  logger: Logger;
}

/** A page is waited for: it comes with what was found until then. */
const PAGE_TIME_MAX_MS = 10_000;
/** Events of one message of a stream. */
const MESSAGE_EVENTS_MAX = 200;
const PROGRESS_MS = 500;

/** What a stream of events asks for. */
type FlowRequest = Pick<StreamSearchRequest, keyof SearchFields | "budget" | "limit" | "resumeToken">;
/** Who reads it. */
type Reader = Pick<Sink<unknown>, "drained" | "isFull" | "isVisible" | "results" | "signal" | "throwIfEnded">;

/** How events go to the reader. */
interface Flow {
  write(events: Event[]): Promise<void>;
  /** What was looked at until now, and where to go on. */
  tell(report: ScanReport, resumeToken: string): Promise<void>;
  /** After the last event. */
  end?(): Promise<void>;
}

export class Searches {
  readonly #parts: SearchParts;

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  async page(request: SearchEventsRequest, visit: Visit, signal: AbortSignal): Promise<Answers<SearchEventsResponse>> {
    const { source, finder, most } = this.#parts;
    const pageSize = pageSizeIn(request);
    const question = await questionOf(request, visit, finder);
    const after = await this.#positionOf(request.pageToken, question);
    const budget = budgetOf(request.budget, { ...most, timeMs: Math.min(most.timeMs, PAGE_TIME_MAX_MS) });
    const report = new ScanReport();
    const taking = new Taking(pageSize);
    // One more than asked for tells whether there is a next page.
    const asked = { ...question, after, eventsMax: pageSize + 1, signal };
    const found = eventsInOrder(source, asked, new Spending(budget), report);
    const events: Event[] = [];
    const startMs = performance.now();
    const next = await takeFrom(found, taking, (some) => {
      for (const each of some) events.push(each.event());
    });
    report.noteTime("answer", performance.now() - startMs);
    if (signal.aborted) throw serviceError(status.CANCELLED, "CALLER_LEFT", "the caller ended the call");
    const position = ending(next, taking, report);
    this.#note(report);
    const response = {
      events,
      nextPageToken: await this.#tokenOf(position, question),
      unreadable: report.unreadable.map(unreadableOf),
      completeness: completenessOf(report),
    };
    return { response, results: events.length };
  }

  /** All events, at the pace at which they are read. */
  async stream(request: StreamSearchRequest, visit: Visit, sink: Sink<StreamSearchResponse>): Promise<void> {
    await this.#flow(request, visit, sink, {
      write: (events) => sink.write({ events, completeness: undefined, resumeToken: "" }),
      tell: (report, resumeToken) => sink.write({ events: [], completeness: completenessOf(report), resumeToken }),
    });
  }

  /** All events, as a file. */
  async export(request: ExportEventsRequest, visit: Visit, sink: Sink<ExportEventsResponse>): Promise<void> {
    const file = new ExportSink(sink, exportWriter(request));
    await this.#flow({ ...request, resumeToken: "" }, visit, sink, {
      write: (events) => file.write(events),
      tell: (report) => file.tell(report),
      end: () => file.end(),
    });
  }

  async #flow(request: FlowRequest, visit: Visit, sink: Reader, out: Flow): Promise<void> {
    const { source, finder, most } = this.#parts;
    const limit = limitOf(request.limit);
    const question = await questionOf(request, visit, finder);
    const after = await this.#positionOf(request.resumeToken, question);
    const report = new ScanReport();
    const taking = new Taking(limit);
    const spending = new Spending(budgetOf(request.budget, most));
    const asked = { ...question, after, eventsMax: limit + 1, signal: sink.signal };
    const telling = setInterval(() => {
      // Whoever does not read is told later.
      if (sink.isFull || sink.signal.aborted) return;
      out.tell(report, "").catch(() => undefined);
    }, PROGRESS_MS);
    try {
      const next = await takeFrom(eventsInOrder(source, asked, spending, report), taking, (some) =>
        send(some, sink, out, spending, report),
      );
      sink.throwIfEnded();
      const position = ending(next, taking, report);
      this.#note(report);
      await out.end?.();
      await out.tell(report, await this.#tokenOf(position, question));
    } finally {
      clearInterval(telling);
    }
  }

  async #positionOf(token: string, { fingerprint }: Question): Promise<Position | undefined> {
    return token === "" ? undefined : decodePosition(await this.#parts.tokens.decode(token, fingerprint));
  }

  async #tokenOf(position: Position | undefined, { fingerprint }: Question): Promise<string> {
    return position === undefined ? "" : await this.#parts.tokens.encode(fingerprint, encodePosition(position));
  }

  #note(report: ScanReport): void {
    noteReport(report, this.#parts.logger);
  }
}

/** Counts what a scan did, and says what it could not read. */
export function noteReport({ scanned, unreadable, moreUnreadable, lacks }: ScanReport, logger: Logger): void {
  for (const reason of lacks) metrics.incompleteAnswers.inc({ reason });
  metrics.queryPayloads.inc(scanned.units);
  metrics.unreadablePayloads.inc(unreadable.length + moreUnreadable);
  for (const { unit, reason } of unreadable)
    logger.error({ host: unit.hostId, place: unit.place, payload: unit.id, reason }, "history is damaged");
}

/** Counts what is taken of an answer. */
class Taking {
  readonly max: number;
  count = 0;
  last: Position | undefined;
  /** There is more than may be taken. */
  isFull = false;

  constructor(max: number) {
    this.max = max;
  }

  /** What of these may be taken. */
  take(found: readonly Found[]): readonly Found[] {
    const some = found.slice(0, this.max - this.count);
    this.count += some.length;
    this.isFull = some.length < found.length;
    const last = some.at(-1);
    if (last !== undefined) this.last = { timeNano: last.timeNano, id: last.id() };
    return some;
  }
}

/** Takes events until there are enough, or no more; gives where a scan that ended early goes on. */
async function takeFrom(
  found: AsyncGenerator<Found[], Position | undefined>,
  taking: Taking,
  take: (some: readonly Found[]) => Promise<void> | void,
): Promise<Position | undefined> {
  try {
    for (;;) {
      const { value, done } = await found.next();
      if (done === true) return value;
      const some = taking.take(value);
      if (some.length > 0) await take(some);
      if (taking.isFull) return undefined;
    }
  } finally {
    await found.return(undefined);
  }
}

/** Where the next call goes on. */
function ending(next: Position | undefined, { isFull, last }: Taking, report: ScanReport): Position | undefined {
  if (!isFull || last === undefined) return next;
  report.noteEnd("limit", last.timeNano);
  return last;
}

/** Time that the caller takes to read is not the question's. */
async function send(
  found: readonly Found[],
  sink: Reader,
  out: Flow,
  spending: Spending,
  report: ScanReport,
): Promise<void> {
  for (let at = 0; at < found.length; at += MESSAGE_EVENTS_MAX) {
    const waitMs = performance.now();
    await sink.drained();
    spending.excuse(performance.now() - waitMs);
    const startMs = performance.now();
    const some = found.slice(at, at + MESSAGE_EVENTS_MAX).filter((each) => sink.isVisible(hostOf(each)));
    await out.write(some.map((each) => each.event()));
    sink.results += some.length;
    report.noteTime("answer", performance.now() - startMs);
  }
}

function hostOf(found: Found): string {
  const id = found.id();
  return id.slice(0, id.indexOf("-"));
}

function limitOf(limit: bigint): number {
  if (limit < 0n) throw invalidField("limit", limit, "0 and more; 0 is no bound");
  return limit === 0n || limit > BigInt(Number.MAX_SAFE_INTEGER - 1) ? Number.MAX_SAFE_INTEGER - 1 : Number(limit);
}

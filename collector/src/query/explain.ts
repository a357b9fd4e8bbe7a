/** Says what answering a search takes: what there is, what is left out by what, and what is looked at. */
import type { ExplainSearchRequest, ExplainSearchResponse, PruneStep } from "@hosttrail/proto/query";
import { budgetOf, type TimeRange } from "../ask/index.ts";
import type { Unit } from "../history/index.ts";
import { OUTSIDE } from "../model/index.ts";
import { completenessOf, type Looked, partsOf, scan, ScanReport, type ScanSource, Spending } from "../scan/index.ts";
import type { Answers, Visit } from "../serve/index.ts";
import { fieldsOf } from "./fields.ts";
import { type Question, questionOf } from "./question.ts";
import { noteReport, type SearchParts } from "./search.ts";

/** Explains a search. With `analyze` it is run, within its budget; without, only catalogs and sieves are read. */
export async function explainSearch(
  { source, finder, most, logger }: SearchParts,
  request: ExplainSearchRequest,
  visit: Visit,
  signal: AbortSignal,
): Promise<Answers<ExplainSearchResponse>> {
  const question = await questionOf({ ...request, orderBy: "" }, visit, finder);
  const budget = budgetOf(request.budget, most);
  const spending = new Spending(budget);
  const pruned = await prunedBefore(source, question, visit, spending);
  const report = new ScanReport();
  if (request.analyze) {
    for await (const _ of scan(source, { ...question, order: "any", budget, signal }, report));
    noteReport(report, logger);
  } else await plan(source, question, spending, report, signal);
  const response = {
    parsedFilter: question.filter.text,
    fields: fieldsOf(request.filter),
    pruned: [...pruned, stepOf("sieve", report.pruned)],
    completeness: completenessOf(report),
    steps: Array.from(report.steps, ([step, { micros, times }]) => ({
      step,
      micros: BigInt(micros),
      times: BigInt(times),
    })),
  };
  return { response, results: 0 };
}

/** What is left out since it is of other hosts or times, of the days of the range and of the hosts that the caller may see. */
async function prunedBefore(
  source: ScanSource,
  { hosts, startNano, endNano }: Question,
  visit: Visit,
  spending: Spending,
): Promise<PruneStep[]> {
  const byHost = { units: 0, events: 0 };
  const byTime = { units: 0, events: 0 };
  if (visit.hosts?.size !== 0) {
    const reading = await source.begin({ hosts: visit.hosts, startNano, endNano });
    for (const place of [OUTSIDE, ...reading.days]) {
      if (spending.share >= 1) break;
      if (!meets(source, place, { startNano, endNano })) continue;
      for (const unit of await reading.all(place)) {
        if (hosts?.has(unit.hostId) === false) count(byHost, unit);
        else if (unit.firstTimeNano >= endNano || unit.lastTimeNano < startNano) count(byTime, unit);
      }
    }
  }
  return [stepOf("host", byHost), stepOf("time", byTime)];
}

function meets(source: ScanSource, place: string, range: TimeRange): boolean {
  if (place === OUTSIDE) return true;
  const { startNano, endNano } = source.dayRange(place);
  return startNano < range.endNano && endNano > range.startNano;
}

/** Asks the sieves, and opens nothing. */
async function plan(
  source: ScanSource,
  question: Question,
  spending: Spending,
  report: ScanReport,
  signal: AbortSignal,
): Promise<void> {
  const query = {
    ...question,
    sieve: question.filter,
    signal,
    known: (units: readonly Unit[]) => report.noteKnown(units),
  };
  const startMs = performance.now();
  for await (const { unit, isWanted, edgeNano } of partsOf(source, query)) {
    if (spending.share >= 1) {
      report.noteEnd("budget", edgeNano);
      break;
    }
    if (!isWanted) report.notePruned(unit);
  }
  report.noteTime("sieve", performance.now() - startMs);
}

function count(looked: Looked, { events }: Unit): void {
  looked.units++;
  looked.events += events;
}

function stepOf(by: string, { units, events }: Looked): PruneStep {
  return { by, segments: BigInt(units), events: BigInt(events) };
}

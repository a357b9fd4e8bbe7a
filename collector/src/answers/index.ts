/** The API of what many events say together. See proto/hosttrail/v1/analysis.proto for what each method means. */
import { status } from "@grpc/grpc-js";
import type { Logger } from "@hosttrail/lib/log";
import {
  AggregateEventsRequest,
  type AggregateEventsResponse,
  type AnalysisServiceServer,
  DiffHostRequest,
  GetHostAtRequest,
  GetProcessTreeRequest,
  GetTimelineRequest,
} from "@hosttrail/proto/analysis";
import type { Budget as RequestedBudget } from "@hosttrail/proto/scan";
import { budgetOf } from "../ask/index.ts";
import { metrics } from "../metrics/index.ts";
import { ScanReport } from "../scan/index.ts";
import { type Answers, type Gate, serviceError, type Visit } from "../serve/index.ts";
import { aggregate } from "./aggregatecall.ts";
import { hostAtAnswer, hostDiff } from "./hostcall.ts";
import { Reading } from "./reading.ts";
import type { AnswerSource } from "./source.ts";
import { timelineAnswer } from "./timelinecall.ts";
import { processTree } from "./treecall.ts";

export type { AnswerSource } from "./source.ts";

type Ask<Request, Response> = (
  source: AnswerSource,
  request: Request,
  visit: Visit,
  reading: Reading,
) => Promise<Answers<Response>>;

export class AnalysisApi {
  readonly #source: AnswerSource;
  readonly #gate: Gate;
  readonly #logger: Logger;

  constructor(source: AnswerSource, gate: Gate, logger: Logger) {
    this.#source = source;
    this.#gate = gate;
    this.#logger = logger;
  }

  /** The methods as grpc-js wants them. */
  get methods(): AnalysisServiceServer {
    const gate = this.#gate;
    return {
      getTimeline: gate.unary(GetTimelineRequest, this.#asking(timelineAnswer)),
      getProcessTree: gate.unary(GetProcessTreeRequest, this.#asking(processTree)),
      getHostAt: gate.unary(GetHostAtRequest, this.#asking(hostAtAnswer)),
      diffHost: gate.unary(DiffHostRequest, this.#asking(hostDiff)),
      aggregateEvents: gate.stream<AggregateEventsRequest, AggregateEventsResponse>(
        AggregateEventsRequest,
        async (request, visit, sink) => {
          await this.#source.turns.take(visit, sink.signal, async () => {
            const reading = this.#reading(request.budget, sink.signal);
            await aggregate(this.#source, request, visit, { reading, sink });
            this.#note(reading.report);
          });
        },
      ),
    };
  }

  /** What every unary method does around its own. */
  #asking<Request extends object, Response>(ask: Ask<Request, Response>) {
    return (request: Request, visit: Visit, signal: AbortSignal): Promise<Answers<Response>> =>
      this.#source.turns.take(visit, signal, async () => {
        const budget = "budget" in request ? (request.budget as RequestedBudget | undefined) : undefined;
        const reading = this.#reading(budget, signal);
        const answer = await ask(this.#source, request, visit, reading);
        if (signal.aborted) throw serviceError(status.CANCELLED, "CALLER_LEFT", "the caller ended the call");
        this.#note(reading.report);
        return answer;
      });
  }

  #reading(asked: RequestedBudget | undefined, signal: AbortSignal): Reading {
    return new Reading(this.#source, budgetOf(asked, this.#source.most), new ScanReport(), signal);
  }

  #note({ scanned, unreadable, moreUnreadable }: ScanReport): void {
    metrics.queryPayloads.inc(scanned.units);
    metrics.unreadablePayloads.inc(unreadable.length + moreUnreadable);
    for (const { unit, reason } of unreadable)
      this.#logger.error({ host: unit.hostId, place: unit.place, payload: unit.id, reason }, "history is damaged");
  }
}

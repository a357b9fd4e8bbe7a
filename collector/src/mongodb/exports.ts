/**
 * Where exports stand: for each target its state, the batch that is about to go out, and what went out of each place, in parts that are found by
 * their ids.
 */
import { type Db, Long } from "mongodb";
import type { ExportPlan, ExportState } from "../model/index.ts";
import { classify } from "./failure.ts";
import { inParallel } from "./parallel.ts";
import { number, type Row, Rows, text } from "./rows.ts";

/** Parts of a place: the first digit of a host, or the last one of an alert. */
const PARTS: readonly string[] = Array.from({ length: 16 }, (_, digit) => digit.toString(16));
/** The sign after "/". */
const AFTER = "0";

/** Each throws a RetryableError where the database is away. */
export class ExportStore {
  readonly #states: Rows;
  readonly #plans: Rows;
  readonly #done: Rows;

  constructor(database: Db) {
    this.#states = new Rows(database, "export_states");
    this.#plans = new Rows(database, "export_plans");
    this.#done = new Rows(database, "export_done");
  }

  async getState(target: string): Promise<ExportState | undefined> {
    const row = await tried(() => this.#states.get(target));
    return row && { begunMs: number(row, "begun_ms"), caughtUpMs: number(row, "caught_up_ms") };
  }

  async putState(target: string, { begunMs, caughtUpMs }: ExportState): Promise<void> {
    const [begun, caughtUp] = [Long.fromNumber(begunMs), Long.fromNumber(caughtUpMs)];
    await tried(() => this.#states.put({ _id: target, begun_ms: begun, caught_up_ms: caughtUp }));
  }

  async getPlan(target: string): Promise<ExportPlan | undefined> {
    const row = await tried(() => this.#plans.get(target));
    return row && { place: text(row, "place"), timeMs: number(row, "time_ms"), text: text(row, "text") };
  }

  async putPlan(target: string, plan: ExportPlan): Promise<void> {
    const { place, timeMs } = plan;
    await tried(() => this.#plans.put({ _id: target, place, time_ms: Long.fromNumber(timeMs), text: plan.text }));
  }

  async removePlan(target: string): Promise<void> {
    await tried(() => this.#plans.delete(target));
  }

  /** By part. */
  async getDone(target: string, place: string): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    await tried(() =>
      inParallel(PARTS, async (part) => {
        const row = await this.#done.get(idOf(target, place, part));
        if (row !== undefined) found.set(part, text(row, "text"));
      }),
    );
    return found;
  }

  async changeDone(target: string, place: string, part: string, change: (text: string) => string): Promise<void> {
    const changed = (row: Row | undefined): { text: string } => ({ text: change(text(row, "text")) });
    await tried(() => this.#done.change(idOf(target, place, part), changed));
  }

  async listDone(target: string): Promise<string[]> {
    const range = { $gt: `${target}/`, $lt: `${target}${AFTER}` };
    const rows = await tried(() => this.#done.all.find({ _id: range }, { projection: { _id: 1 } }).toArray());
    return [...new Set(rows.map(({ _id }) => _id.split("/")[1] ?? ""))];
  }

  async removeDone(target: string, place: string): Promise<void> {
    await tried(() => inParallel(PARTS, async (part) => void (await this.#done.delete(idOf(target, place, part)))));
  }
}

function idOf(target: string, place: string, part: string): string {
  return `${target}/${place}/${part}`;
}

async function tried<Value>(ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask();
  } catch (error) {
    throw classify(error);
  }
}

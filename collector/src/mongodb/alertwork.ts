/**
 * What people do with alerts. Each action is a document of its own, `<alert>@<number>`, which is inserted once and then stays: the one step
 * that every server with this wire protocol does as one, so of two people at the same time neither's action is lost (see rows.ts). What
 * all actions come to is kept beside them, one document an alert, which may lag behind: whoever reads it looks whether there is a next action.
 */
import type { Db, Document } from "mongodb";
import {
  afterAction,
  type AlertWork,
  type CloseReason,
  PermanentError,
  untouched,
  type WorkAction,
  type WorkState,
} from "../model/index.ts";
import { classify } from "./failure.ts";
import { inParallel } from "./parallel.ts";
import { documents, number, removeAll, type Row, Rows, storable, text } from "./rows.ts";

/** Actions with one alert. Far more than people do; a program that goes astray ends here. */
const ACTIONS_MAX = 10_000;
/** Times that an action is tried again because somebody else was first. */
const ATTEMPTS_MAX = 100;

export class AlertWorkStore {
  readonly #work: Rows;
  readonly #actions: Rows;

  constructor(database: Db) {
    this.#work = new Rows(database, "alert_work");
    this.#actions = new Rows(database, "alert_actions");
  }

  /** Throws a RetryableError where the database is away. */
  async getWork(alertId: string): Promise<AlertWork> {
    try {
      const row = await this.#work.get(alertId);
      let work = row === undefined ? untouched(alertId) : toWork(row);
      for (;;) {
        const next = await this.#actions.get(actionId(alertId, work.version + 1));
        if (next === undefined) return work;
        work = afterAction(work, toAction(next));
      }
    } catch (error) {
      throw classify(error);
    }
  }

  /** The work of each of these alerts, in their order. */
  async getWorks(alertIds: readonly string[]): Promise<AlertWork[]> {
    return await inParallel(alertIds, (id) => this.getWork(id));
  }

  /** Takes away what was done with alerts that are gone. */
  async removeWork(alertIds: readonly string[]): Promise<void> {
    try {
      const works = await inParallel(alertIds, (id) => this.getWork(id));
      const actions = works.flatMap(({ version }, at) =>
        Array.from({ length: version }, (_, number) => actionId(alertIds[at] ?? "", number + 1)),
      );
      await removeAll(this.#work, alertIds);
      await removeAll(this.#actions, actions);
    } catch (error) {
      throw classify(error);
    }
  }

  /** Alerts that were closed at this time or later, and why. Of those that were closed in this moment some may be missing. */
  async closedSince(timeMs: number): Promise<{ alertId: string; closeReason: CloseReason }[]> {
    try {
      const rows = await this.#work.all
        .find({ close_ms: { $gte: timeMs } }, { projection: { close_reason: 1 } })
        .toArray();
      return rows.map((row) => ({ alertId: row._id, closeReason: text(row, "close_reason") as CloseReason }));
    } catch (error) {
      throw classify(error);
    }
  }

  /**
   * Does something with an alert. `decide` is asked what, given what was done before, and is asked again where somebody else was faster; undefined
   * does nothing. Gives what the work is then. Throws what `decide` throws, a RetryableError where the database is away, a PermanentError where
   * the alert can take no more.
   */
  async changeWork(alertId: string, decide: (work: AlertWork) => WorkAction | undefined): Promise<AlertWork> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const work = await this.getWork(alertId);
      const action = decide(work);
      if (action === undefined) return work;
      if (work.version >= ACTIONS_MAX)
        throw new PermanentError(`alert ${alertId} has ${ACTIONS_MAX} actions and takes no more`);
      try {
        const isFirst = await this.#actions.tryInsert(fromAction(alertId, work.version + 1, action));
        if (!isFirst) continue;
        const next = afterAction(work, action);
        await this.#work.put(fromWork(next));
        return next;
      } catch (error) {
        throw classify(error);
      }
    }
    throw new PermanentError(`others were faster ${ATTEMPTS_MAX} times at alert ${alertId}`);
  }
}

function actionId(alertId: string, version: number): string {
  return `${alertId}@${version.toString(16).padStart(6, "0")}`;
}

function fromFields({ timeMs, actor, action, text: note, closeReason, replacedBy }: WorkAction) {
  return {
    time_ms: timeMs,
    actor: storable(actor),
    action,
    text: storable(note),
    close_reason: closeReason ?? "",
    replaced_by: replacedBy ?? "",
  };
}

function fromAction(alertId: string, version: number, action: WorkAction): Row {
  return { _id: actionId(alertId, version), ...fromFields(action) };
}

function toAction(row: Document): WorkAction {
  const closeReason = text(row, "close_reason");
  const replacedBy = text(row, "replaced_by");
  return {
    timeMs: number(row, "time_ms"),
    actor: text(row, "actor"),
    action: text(row, "action") as WorkAction["action"],
    text: text(row, "text"),
    ...(closeReason === "" ? {} : { closeReason: closeReason as CloseReason }),
    ...(replacedBy === "" ? {} : { replacedBy }),
  };
}

function fromWork(work: AlertWork): Row {
  return {
    _id: work.alertId,
    version: work.version,
    state: work.state,
    close_reason: work.closeReason,
    close_text: storable(work.closeText),
    close_ms: work.closeMs,
    assignee: storable(work.assignee),
    replaced_by: work.replacedBy,
    history: work.history.map(fromFields),
  };
}

function toWork(row: Row): AlertWork {
  return {
    alertId: row._id,
    version: number(row, "version"),
    state: text(row, "state") as WorkState,
    closeReason: text(row, "close_reason") as CloseReason | "",
    closeText: text(row, "close_text"),
    closeMs: number(row, "close_ms"),
    assignee: text(row, "assignee"),
    replacedBy: text(row, "replaced_by"),
    history: documents(row["history"]).map(toAction),
  };
}

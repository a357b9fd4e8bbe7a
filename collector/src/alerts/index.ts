/** The API of alerts: who works on them, what hides them, and who watches. See proto/hosttrail/v1/alert.proto for what each method means. */
import { status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";
import {
  AcknowledgeAlertRequest,
  type Alert,
  AlertChange_Kind as Kind,
  type AlertServiceServer,
  AlertState,
  AssignAlertRequest,
  CloseAlertRequest,
  CloseAlertsRequest,
  type CloseAlertsResponse,
  type CloseReason as ReasonNumber,
  CommentAlertRequest,
  GetAlertRequest,
  ListAlertsRequest,
  type ListAlertsResponse,
  ReopenAlertRequest,
  Severity,
} from "@hosttrail/proto/alert";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { labelsKey } from "../access/index.ts";
import { metrics } from "../metrics/index.ts";
import { type AlertWork, type CloseReason, PermanentError, type WorkState } from "../model/index.ts";
import {
  type Answers,
  checkText,
  decodeToken,
  encodeToken,
  type Gate,
  invalidField,
  millisecondsOf,
  pageSizeOf,
  requestFingerprint,
  serviceError,
  timestampOf,
  TokenError,
  type Visit,
} from "../serve/index.ts";
import {
  acknowledge,
  assign,
  close,
  closeReasonOf,
  closeUnlessClosed,
  comment,
  type Decide,
  isVisible,
  reopen,
  withWork,
  WorkError,
} from "../work/index.ts";
import { END_MS, findAlerts, pagesOf, type Wanted } from "./find.ts";
import type { AlertNews, AlertStores } from "./stores.ts";
import { SuppressionApi } from "./suppressions.ts";
import { AlertWatches } from "./watch.ts";

const ALERT_ID = /^[0-9a-f]{12}-[0-9a-f]{32}$/;
const TEXT_LENGTH_MAX = 2048;
const NAME_LENGTH_MAX = 128;
const KEY_LENGTH_MAX = 512;
/** Alerts that one call closes, and looks at to find them. */
const CLOSED_MAX = 1000;
const LOOKED_MAX = 100_000;

const STATES: Readonly<Partial<Record<AlertState, WorkState>>> = {
  [AlertState.OPEN]: "open",
  [AlertState.ACKNOWLEDGED]: "acknowledged",
  [AlertState.CLOSED]: "closed",
};

/** What is done with one alert. */
interface Change {
  kind: Kind;
  decide: (who: { actor: string; timeMs: number }) => Decide;
}

export class AlertApi {
  readonly #stores: AlertStores;
  readonly #news: AlertNews;
  readonly #gate: Gate;
  readonly #logger: Logger;
  readonly #suppressions: SuppressionApi;
  readonly #watches: AlertWatches;

  constructor(stores: AlertStores, news: AlertNews, gate: Gate, logger: Logger) {
    this.#stores = stores;
    this.#news = news;
    this.#gate = gate;
    this.#logger = logger;
    this.#suppressions = new SuppressionApi(stores, news, gate);
    this.#watches = new AlertWatches(news, gate, logger);
  }

  /** The methods as grpc-js wants them. */
  get methods(): AlertServiceServer {
    const gate = this.#gate;
    return {
      listAlerts: gate.unary(ListAlertsRequest, (request, visit) => this.#list(request, visit)),
      getAlert: gate.unary(GetAlertRequest, async ({ id }, visit) => ({
        response: withWork(await this.#alert(id, visit), await this.#stores.work.getWork(id)),
        results: 1,
      })),
      watchAlerts: this.#watches.watch,
      acknowledgeAlert: gate.change(AcknowledgeAlertRequest, ({ id, text }, visit) => {
        const note = checkNote(text, 0);
        return this.#change(id, visit, { kind: Kind.ACKNOWLEDGED, decide: (who) => acknowledge(who, note) });
      }),
      closeAlert: gate.change(CloseAlertRequest, ({ id, reason, text }, visit) => {
        const checked = checkReason(reason, text);
        return this.#change(id, visit, { kind: Kind.CLOSED, decide: (who) => close(who, checked, text) });
      }),
      closeAlerts: gate.change(CloseAlertsRequest, (request, visit) => this.#closeAll(request, visit)),
      reopenAlert: gate.change(ReopenAlertRequest, ({ id, text }, visit) => {
        const note = checkNote(text, 0);
        return this.#change(id, visit, { kind: Kind.REOPENED, decide: (who) => reopen(who, note) });
      }),
      assignAlert: gate.change(AssignAlertRequest, ({ id, assignee }, visit) => {
        checkText("assignee", assignee, { min: 0, max: NAME_LENGTH_MAX });
        return this.#change(id, visit, { kind: Kind.NOTED, decide: (who) => assign(who, assignee) });
      }),
      commentAlert: gate.change(CommentAlertRequest, ({ id, text }, visit) => {
        const note = checkNote(text, 1);
        return this.#change(id, visit, { kind: Kind.NOTED, decide: (who) => comment(who, note) });
      }),
      ...this.#suppressions.methods,
    };
  }

  async #list(request: ListAlertsRequest, visit: Visit): Promise<Answers<ListAlertsResponse>> {
    const { pageToken, pageSize, states, assignee } = request;
    const wanted = wantedOf(request);
    const wantedStates = new Set(states.map((state) => STATES[state] ?? invalid("states", state, "1 to 3")));
    checkText("assignee", assignee, { min: 0, max: NAME_LENGTH_MAX });
    const asked = { ...request, pageSize: 0, pageToken: "" };
    const text = JSON.stringify(ListAlertsRequest.toJSON(asked));
    const fingerprint = requestFingerprint(["alerts", text, labelsKey(visit.caller.scope)]);
    const afterId = pageToken === "" ? "" : decodeToken(pageToken, fingerprint);
    if (afterId !== "" && !ALERT_ID.test(afterId)) throw new TokenError("page_token is not one that this API gave out");
    const { found, nextId } = await findAlerts(
      this.#stores,
      wanted,
      { hosts: visit.hosts, afterId, limit: pageSizeOf(pageSize) },
      (work) =>
        (wantedStates.size === 0 || wantedStates.has(work.state)) && (assignee === "" || work.assignee === assignee),
    );
    const alerts = found.map(({ alert, work }) => withWork(alert, work));
    return {
      response: { alerts, nextPageToken: nextId === "" ? "" : encodeToken(fingerprint, nextId) },
      results: alerts.length,
    };
  }

  /** The alert as the detector made it; what the caller may not see is as what is not there. */
  async #alert(id: string, { hosts }: Visit): Promise<Alert> {
    if (!ALERT_ID.test(id)) throw invalidField("id", id, "ids of alerts, as ListAlerts gives them");
    const alert = (await this.#stores.alerts.getAlerts([id])).get(id)?.alert;
    if (alert !== undefined && isVisible(alert, hosts)) return alert;
    throw serviceError(status.NOT_FOUND, "ALERT_NOT_FOUND", `there is no alert ${id}`, { id });
  }

  async #change(id: string, visit: Visit, change: Change): Promise<Answers<Alert>> {
    const alert = await this.#alert(id, visit);
    const work = await this.#changeWork(alert, visit, change);
    return { response: withWork(alert, work ?? (await this.#stores.work.getWork(id))), results: 1 };
  }

  /** Does something with an alert and tells of it; undefined where there was nothing to do. */
  async #changeWork(alert: Alert, visit: Visit, { kind, decide }: Change): Promise<AlertWork | undefined> {
    const who = { actor: visit.caller.name, timeMs: Date.now() };
    let isChanged = false;
    const work = await this.#stores.work
      .changeWork(alert.id, (before) => {
        const action = decide(who)(before);
        isChanged = action !== undefined;
        return action;
      })
      .catch((error: unknown) => {
        throw explained(error);
      });
    if (!isChanged) return undefined;
    try {
      const told = { ...withWork(alert, work), events: [] };
      await this.#news.publishAlert({
        kind,
        alert: told,
        time: timestampOf(who.timeMs),
        actor: who.actor,
        eventsLeftOut: alert.events.length,
      });
    } catch (error) {
      // It is done, and whoever asks sees it; who watches or is notified misses it.
      metrics.alertChangesUntold.inc();
      this.#logger.error({ alert: alert.id, error: String(error) }, "a change of an alert cannot be told");
    }
    return work;
  }

  async #closeAll(request: CloseAlertsRequest, visit: Visit): Promise<Answers<CloseAlertsResponse>> {
    const { ruleKey, hostId, startTime, endTime, reason, text } = request;
    const checked = checkReason(reason, text);
    if (ruleKey === "" && hostId === "" && startTime === undefined && endTime === undefined) {
      const message = "one of rule_key, host_id, start_time and end_time must be there";
      throw serviceError(status.INVALID_ARGUMENT, "FIELD_MISSING", message);
    }
    const wanted = wantedOf(request);
    let closed = 0;
    let looked = 0;
    for await (const { page, lastId, looked: count } of pagesOf(this.#stores, wanted, visit.hosts)) {
      const works = await this.#stores.work.getWorks(page.map(({ id }) => id));
      for (const alert of page.filter((_, index) => works[index]?.state !== "closed")) {
        const decide = (who: { actor: string; timeMs: number }): Decide => closeUnlessClosed(who, checked, text);
        if ((await this.#changeWork(alert, visit, { kind: Kind.CLOSED, decide })) !== undefined) closed++;
      }
      looked += count;
      const isOver = closed >= CLOSED_MAX || looked >= LOOKED_MAX;
      if (isOver && lastId !== "") return { response: { closed: BigInt(closed), more: true }, results: closed };
    }
    return { response: { closed: BigInt(closed), more: false }, results: closed };
  }

  /** Ends the calls that would go on for ever. */
  close(): void {
    this.#watches.close();
  }
}

function invalid(field: string, value: number, allowed: string): never {
  throw invalidField(field, value, allowed);
}

function wantedOf(request: {
  ruleKey: string;
  hostId: string;
  ruleset?: string;
  severityMin?: Severity;
  startTime: Timestamp | undefined;
  endTime: Timestamp | undefined;
}): Wanted {
  const { ruleKey, hostId, ruleset = "", severityMin = 0, startTime, endTime } = request;
  if (hostId !== "" && !isHostId(hostId)) throw invalidField("host_id", hostId, "32 lower case hex digits");
  checkText("rule_key", ruleKey, { min: 0, max: KEY_LENGTH_MAX });
  checkText("ruleset", ruleset, { min: 0, max: NAME_LENGTH_MAX });
  if (!(severityMin >= Severity.UNSPECIFIED && severityMin <= Severity.CRITICAL))
    throw invalidField("severity_min", severityMin, "0 to 5");
  const startMs = startTime === undefined ? 0 : millisecondsOf("start_time", startTime);
  const endMs = endTime === undefined ? END_MS : millisecondsOf("end_time", endTime);
  return { startMs, endMs, severityMin, ruleKey, ruleset, hostId };
}

function checkNote(text: string, min: number): string {
  return checkText("text", text, { min, max: TEXT_LENGTH_MAX, lines: true });
}

function checkReason(number: ReasonNumber, text: string): CloseReason {
  const reason = closeReasonOf(number);
  // What the detector withdraws is for it alone to say.
  if (reason === undefined || reason === "withdrawn") {
    throw invalidField("reason", number, "TRUE_POSITIVE, FALSE_POSITIVE, BENIGN, DUPLICATE and OTHER");
  }
  checkNote(text, 0);
  if (reason === "other" && text.trim() === "") throw invalidField("text", text, "a text that says why, with OTHER");
  return reason;
}

/** Errors of the work, as callers see them. */
function explained(error: unknown): unknown {
  if (error instanceof WorkError) {
    return serviceError(status.FAILED_PRECONDITION, "ALERT_STATE", error.message, { state: error.state });
  }
  if (error instanceof PermanentError) return serviceError(status.FAILED_PRECONDITION, "ALERT_FULL", error.message);
  return error;
}

/** Exceptions and silences: made, listed, ended, and held against the alerts that there are. */
import { randomBytes } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import { compileFilter } from "@hosttrail/lib/predicate";
import {
  type AlertServiceServer,
  CreateSuppressionRequest,
  ExpireSuppressionRequest,
  ListSuppressionsRequest,
  type ListSuppressionsResponse,
  PreviewSuppressionRequest,
  type PreviewSuppressionResponse,
  type Suppression,
  Suppression_Kind as Kind,
} from "@hosttrail/proto/alert";
import { isWithin, labelProblem, labelsKey } from "../access/index.ts";
import type { HiddenCount, SuppressionDocument } from "../model/index.ts";
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
import { preview } from "./preview.ts";
import type { AlertNews, AlertStores } from "./stores.ts";

const DAY_MS = 86_400_000;
const TTL_MS_MAX = 366 * DAY_MS;
const REASON_LENGTH_MAX = 512;
const FILTER_LENGTH_MAX = 4096;
const KEY_LENGTH_MAX = 512;
const RULES_MAX = 100;
const HOSTS_MAX = 1000;
const TAGS_MAX = 50;
/** The detector asks all of them for each match. */
const ACTIVE_MAX = 1000;
const PREVIEW_DAYS = { default: 7, max: 365 } as const;
/** Days whose alerts a suppression must not have hidden where they were right. */
const REFUSE_DAYS = 30;
const SUPPRESSION_ID = /^[0-9a-f]{12}-[0-9a-f]{12}$/;
/** Alerts that an error names. */
const NAMED_MAX = 10;

type Methods = Pick<
  AlertServiceServer,
  "createSuppression" | "listSuppressions" | "expireSuppression" | "previewSuppression"
>;

export class SuppressionApi {
  readonly #stores: AlertStores;
  readonly #news: Pick<AlertNews, "tellRules">;
  readonly #gate: Gate;

  constructor(stores: AlertStores, news: Pick<AlertNews, "tellRules">, gate: Gate) {
    this.#stores = stores;
    this.#news = news;
    this.#gate = gate;
  }

  get methods(): Methods {
    const gate = this.#gate;
    return {
      createSuppression: gate.change(CreateSuppressionRequest, (request, visit) => this.#create(request, visit)),
      listSuppressions: gate.unary(ListSuppressionsRequest, (request, visit) => this.#list(request, visit)),
      expireSuppression: gate.change(ExpireSuppressionRequest, (request, visit) => this.#expire(request, visit)),
      previewSuppression: gate.unary(PreviewSuppressionRequest, (request, visit) => this.#preview(request, visit)),
    };
  }

  async #create(
    { suppression, allowTruePositives }: CreateSuppressionRequest,
    visit: Visit,
  ): Promise<Answers<Suppression>> {
    const document = await this.#checked(suppression, visit, Date.now());
    const active = await this.#stores.suppressions.activeSuppressions(Date.now());
    if (active.length >= ACTIVE_MAX) {
      const message = `there are ${active.length} suppressions in force, as many as there may be: expire some`;
      throw serviceError(status.RESOURCE_EXHAUSTED, "SUPPRESSIONS_FULL", message);
    }
    if (!allowTruePositives) {
      const { truePositiveIds } = await preview(this.#stores, document, visit.hosts, since(REFUSE_DAYS));
      if (truePositiveIds.length > 0) throw wouldHide(truePositiveIds);
    }
    await this.#stores.suppressions.insertSuppression(document);
    this.#news.tellRules();
    return { response: toSuppression(document, undefined), results: 1 };
  }

  async #list(request: ListSuppressionsRequest, visit: Visit): Promise<Answers<ListSuppressionsResponse>> {
    const { pageSize, pageToken, showExpired } = request;
    const { scope } = visit.caller;
    const fingerprint = requestFingerprint(["suppressions", String(showExpired), labelsKey(scope)]);
    const before = pageToken === "" ? "" : decodeToken(pageToken, fingerprint);
    if (before !== "" && !SUPPRESSION_ID.test(before))
      throw new TokenError("page_token is not one that this API gave out");
    const size = pageSizeOf(pageSize);
    const { suppressions: store } = this.#stores;
    const found = await store.listSuppressions(before, size + 1, showExpired ? 0 : Date.now());
    const page = found.slice(0, size);
    const last = found.length > size ? page.at(-1) : undefined;
    const visible = page.filter(({ labels }) => isWithin(labels, scope));
    const counts = await store.hiddenBy(visible.map(({ id }) => id));
    return {
      response: {
        suppressions: visible.map((each) => toSuppression(each, counts.get(each.id))),
        nextPageToken: last === undefined ? "" : encodeToken(fingerprint, last.id),
      },
      results: visible.length,
    };
  }

  async #expire({ id }: ExpireSuppressionRequest, { caller }: Visit): Promise<Answers<Suppression>> {
    if (!SUPPRESSION_ID.test(id)) throw invalidField("id", id, "ids of suppressions, as ListSuppressions gives them");
    const { suppressions: store } = this.#stores;
    const before = await store.getSuppression(id);
    if (before === undefined || !isWithin(before.labels, caller.scope)) {
      throw serviceError(status.NOT_FOUND, "SUPPRESSION_NOT_FOUND", `there is no suppression ${id}`, { id });
    }
    await store.endSuppression(id, Date.now(), caller.name);
    this.#news.tellRules();
    const [after, counts] = await Promise.all([store.getSuppression(id), store.hiddenBy([id])]);
    return { response: toSuppression(after ?? before, counts.get(id)), results: 1 };
  }

  async #preview(
    { suppression, days }: PreviewSuppressionRequest,
    visit: Visit,
  ): Promise<Answers<PreviewSuppressionResponse>> {
    const { default: usual, max } = PREVIEW_DAYS;
    if (days < 0 || days > max) throw invalidField("days", days, `0 to ${max}`);
    const document = await this.#checked(suppression, visit, Date.now());
    const response = await preview(this.#stores, document, visit.hosts, since(days === 0 ? usual : days));
    return { response, results: Number(response.alerts) };
  }

  /** The suppression as it would be kept; throws where it is not what one may be. */
  async #checked(asked: Suppression | undefined, visit: Visit, nowMs: number): Promise<SuppressionDocument> {
    if (asked === undefined) throw invalidField("suppression", "", "a suppression");
    const document = checkForm(asked, visit.caller.name, nowMs);
    for (const key of document.ruleKeys) {
      const problem = await this.#stores.ruleKeyProblem(key);
      if (problem !== undefined) throw invalidField("suppression.rule_keys", key, `keys of rules: ${problem}`);
    }
    const { scope, name } = visit.caller;
    if (!isWithin(document.labels, scope)) {
      const message = `suppression.labels must have the labels ${JSON.stringify(scope)} of ${name}`;
      throw serviceError(status.PERMISSION_DENIED, "SCOPE_TOO_SMALL", message);
    }
    return document;
  }
}

function since(days: number): number {
  return Date.now() - days * DAY_MS;
}

function wouldHide(ids: readonly string[]): Error {
  const named = ids.slice(0, NAMED_MAX).join(", ");
  const more = ids.length > NAMED_MAX ? " and more" : "";
  const message = `it would have hidden alerts that were closed as true positives: ${named}${more}`;
  return serviceError(status.FAILED_PRECONDITION, "HIDES_TRUE_POSITIVES", message, { alert_ids: named });
}

function checkForm(asked: Suppression, owner: string, nowMs: number): SuppressionDocument {
  const { kind, ruleKeys, hostIds, labels, tags, filter, expireTime } = asked;
  if (kind !== Kind.EXCEPTION && kind !== Kind.SILENCE)
    throw invalidField("suppression.kind", kind, "EXCEPTION and SILENCE");
  const reason = checkText("suppression.reason", asked.reason, { min: 1, max: REASON_LENGTH_MAX });
  checkCount("suppression.rule_keys", ruleKeys.length, RULES_MAX);
  for (const key of ruleKeys) checkText("suppression.rule_keys", key, { min: 1, max: KEY_LENGTH_MAX });
  checkCount("suppression.host_ids", hostIds.length, HOSTS_MAX);
  for (const id of hostIds) {
    if (!isHostId(id)) throw invalidField("suppression.host_ids", id, "32 lower case hex digits");
  }
  checkSelector("suppression", labels, tags);
  checkText("suppression.filter", filter, { min: 0, max: FILTER_LENGTH_MAX });
  if (filter.trim() !== "") compileFilter(filter);
  const sizes = [ruleKeys.length, hostIds.length, Object.keys(labels).length, Object.keys(tags).length];
  if (sizes.every((size) => size === 0) && filter.trim() === "") {
    const message =
      "one of rule_keys, host_ids, labels, tags and filter must be there: nothing may be hidden as a whole";
    throw serviceError(status.INVALID_ARGUMENT, "FIELD_MISSING", message);
  }
  const expireMs = expireTime === undefined ? 0 : millisecondsOf("suppression.expire_time", expireTime);
  if (expireMs <= nowMs || expireMs > nowMs + TTL_MS_MAX) {
    const value = expireTime === undefined ? "" : new Date(expireMs).toISOString();
    throw invalidField("suppression.expire_time", value, "times from now to a year from now");
  }
  return {
    id: `${nowMs.toString(16).padStart(12, "0")}-${randomBytes(6).toString("hex")}`,
    kind: kind === Kind.SILENCE ? "silence" : "exception",
    owner,
    reason,
    ruleKeys: [...new Set(ruleKeys)],
    hostIds: [...new Set(hostIds)],
    labels,
    tags,
    filter: filter.trim(),
    createMs: nowMs,
    expireMs,
  };
}

function checkCount(field: string, count: number, max: number): void {
  if (count > max) throw invalidField(`the number of ${field}`, count, `0 to ${max}`);
}

/** Labels of hosts, and tags of their cloud, which may have any characters. */
function checkSelector(field: string, labels: Record<string, string>, tags: Record<string, string>): void {
  const problem = labelProblem(labels);
  if (problem !== undefined) throw invalidField(`${field}.labels`, labelsKey(labels), problem);
  checkCount(`${field}.tags`, Object.keys(tags).length, TAGS_MAX);
  for (const [key, value] of Object.entries(tags)) {
    checkText(`${field}.tags`, key, { min: 1, max: 128 });
    checkText(`${field}.tags`, value, { min: 0, max: 256 });
  }
}

function toSuppression(document: SuppressionDocument, count: HiddenCount | undefined): Suppression {
  const { kind, ruleKeys, hostIds, labels, tags, createMs, expireMs, ...rest } = document;
  return {
    ...rest,
    kind: kind === "silence" ? Kind.SILENCE : Kind.EXCEPTION,
    ruleKeys: [...ruleKeys],
    hostIds: [...hostIds],
    labels: { ...labels },
    tags: { ...tags },
    createTime: timestampOf(createMs),
    expireTime: timestampOf(expireMs),
    hidden: BigInt(count?.hidden ?? 0),
    lastHiddenTime: timestampOf(count?.lastHiddenMs ?? 0),
  };
}

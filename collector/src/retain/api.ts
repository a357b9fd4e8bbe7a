/** Policies, holds, the plan and what was dropped, for administrators of all hosts. */
import { randomBytes } from "node:crypto";
import { type ServiceError, status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import {
  CreateHoldRequest,
  type CreateHoldResponse,
  DeleteRetentionPolicyRequest,
  type DeleteRetentionPolicyResponse,
  type Hold,
  ListDropsRequest,
  type ListDropsResponse,
  ListHoldsRequest,
  type ListHoldsResponse,
  ListRetentionPoliciesRequest,
  PlanRetentionRequest,
  type PlanRetentionResponse,
  PutRetentionPolicyRequest,
  ReleaseHoldRequest,
  type RetentionPolicy as PolicyMessage,
  type RetentionServiceServer,
} from "@hosttrail/proto/retention";
import { labelProblem, type Labels } from "../access/index.ts";
import type { DiskSample, Drop, DropFence, LegalHold, RetentionPolicy } from "../model/index.ts";
import {
  type Answers,
  checkText,
  type Gate,
  invalidField,
  type PageTokens,
  pageSizeOf,
  requestFingerprint,
  serviceError,
  type Sink,
  timestampOf,
  type Visit,
} from "../serve/index.ts";
import { isDay } from "./days.ts";
import { kindOf, toDay, toDropped, toForecast, toHold, toPolicy } from "./messages.ts";
import { dueByChange, plan } from "./plan.ts";
import { defaultPolicy, isDefaultName, Policies } from "./policy.ts";
import { readRules, type RuleSource, type StoredDays } from "./ports.ts";

/** What the API works on. Each throws a RetryableError where the database is away. */
export interface RetentionStores extends RuleSource, StoredDays {
  putPolicy(policy: RetentionPolicy): Promise<void>;
  deletePolicy(name: string): Promise<boolean>;
  insertHold(hold: LegalHold): Promise<void>;
  /** False where it was released before. */
  releaseHold(id: string, releaser: string, reason: string, timeMs: number): Promise<boolean>;
  listFences(): Promise<DropFence[]>;
  listDrops(hostId: string, afterId: string, limit: number): Promise<Drop[]>;
  diskSamples(): Promise<DiskSample[]>;
  /** When a disk will be full, milliseconds since 1970. */
  fullAt(samples: readonly DiskSample[]): number | undefined;
}

export interface RetentionApiOptions {
  graceMs: number;
  /** More of what is stored is not made due unconfirmed. */
  confirmPercent: number;
}

const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const KEEP_DAYS_MAX = 36_500;
const REASON_LENGTH_MAX = 512;
const HOLD_HOSTS_MAX = 1000;
const POLICIES_MAX = 1000;
/** That hold. */
const HOLDS_MAX = 10_000;
const SEVERITY_MAX = 5;
const FIRST_DAY = "19700101";
const LAST_DAY = "99991231";

export class RetentionApi {
  readonly #stores: RetentionStores;
  readonly #tokens: PageTokens;
  readonly #options: RetentionApiOptions;

  constructor(stores: RetentionStores, tokens: PageTokens, options: RetentionApiOptions) {
    this.#stores = stores;
    this.#tokens = tokens;
    this.#options = options;
  }

  /** The methods as grpc-js wants them. */
  methods(gate: Gate): RetentionServiceServer {
    return {
      listRetentionPolicies: gate.unary(ListRetentionPoliciesRequest, async (_request, visit) => {
        unscoped(visit);
        const { all } = new Policies(await this.#stores.listPolicies());
        return { response: { policies: all.map(toPolicy) }, results: all.length };
      }),
      putRetentionPolicy: gate.change(PutRetentionPolicyRequest, (request, visit) => this.#put(request, visit)),
      deleteRetentionPolicy: gate.change(DeleteRetentionPolicyRequest, (request, visit) =>
        this.#delete(request, visit),
      ),
      planRetention: gate.stream(PlanRetentionRequest, (request, visit, sink: Sink<PlanRetentionResponse>) =>
        this.#plan(request, visit, sink),
      ),
      listHolds: gate.unary(ListHoldsRequest, (request, visit) => this.#holds(request, visit)),
      createHold: gate.change(CreateHoldRequest, (request, visit) => this.#hold(request, visit)),
      releaseHold: gate.change(ReleaseHoldRequest, (request, visit) => this.#release(request, visit)),
      listDrops: gate.unary(ListDropsRequest, (request, visit) => this.#drops(request, visit)),
    };
  }

  async #put({ policy, confirmPercent }: PutRetentionPolicyRequest, visit: Visit): Promise<Answers<PolicyMessage>> {
    unscoped(visit);
    if (policy === undefined) throw invalidField("policy", "", "a policy with its name");
    const wanted = { ...checked(policy), author: visit.caller.name, updateMs: Date.now() };
    const before = await this.#stores.listPolicies();
    const others = before.filter(({ name }) => name !== wanted.name);
    if (others.length >= POLICIES_MAX) throw full("RETENTION_POLICIES_FULL", "policies", others.length);
    await this.#confirm(before, [...others, wanted], confirmPercent);
    await this.#stores.putPolicy(wanted);
    return { response: toPolicy(wanted), results: 1 };
  }

  async #delete(
    { name, confirmPercent }: DeleteRetentionPolicyRequest,
    visit: Visit,
  ): Promise<Answers<DeleteRetentionPolicyResponse>> {
    unscoped(visit);
    checkName(name);
    const before = await this.#stores.listPolicies();
    const after = before.filter((policy) => policy.name !== name);
    if (after.length === before.length) {
      const message = isDefaultName(name)
        ? `nobody set the policy "${name}": it is as it is where nobody does`
        : `there is no policy "${name}"`;
      throw serviceError(status.NOT_FOUND, "RETENTION_POLICY_NOT_FOUND", message, { name });
    }
    await this.#confirm(before, after, confirmPercent);
    await this.#stores.deletePolicy(name);
    return { response: {}, results: 1 };
  }

  /** Throws where more becomes due than may without a word, and the word is not the right one. */
  async #confirm(
    before: readonly RetentionPolicy[],
    after: readonly RetentionPolicy[],
    confirmed: number,
  ): Promise<void> {
    const rules = await readRules(this.#stores);
    const [old, next] = [before, after].map((set) => ({ ...rules, policies: new Policies(set) }));
    if (old === undefined || next === undefined) return;
    const { percent, events, bytes } = await dueByChange(this.#stores, old, next, Date.now());
    const others = shortened(old.policies, next.policies);
    const most = Math.max(percent, others);
    // It may have become a little more or less since it was told.
    if (most <= this.#options.confirmPercent || Math.abs(confirmed - most) <= 1) return;
    const what =
      percent >= others
        ? `makes ${percent} % of what is stored due: ${events} events, ${bytes} bytes`
        : `shortens the time of what is no event by ${others} %`;
    const graceHours = this.#options.graceMs / 3_600_000;
    const message = `this ${what}. It is dropped after ${graceHours} h. To confirm it, give ${most} as confirm_percent (--confirm ${most})`;
    const about = { percent: String(most), events: String(events), bytes: String(bytes) };
    throw serviceError(status.FAILED_PRECONDITION, "CONFIRMATION_NEEDED", message, about);
  }

  async #plan({ all }: PlanRetentionRequest, visit: Visit, sink: Sink<PlanRetentionResponse>): Promise<void> {
    unscoped(visit);
    const { graceMs } = this.#options;
    const options = { graceMs, nowMs: Date.now(), signal: sink.signal };
    const { policies, due } = await plan(this.#stores, options, async (day) => {
      if (!all && day.dropMs === 0 && day.holdId === "") return;
      await sink.write({ part: { $case: "day", value: toDay(day) } });
      sink.results++;
    });
    const samples = await this.#stores.diskSamples();
    const last = samples.at(-1);
    const forecast = {
      policies: policies.map(toForecast),
      diskUsedBytes: BigInt(last?.usedBytes ?? 0),
      diskTotalBytes: BigInt(last?.totalBytes ?? 0),
      diskFullTime: timestampOf(Math.round(this.#stores.fullAt(samples) ?? 0)),
      dueEvents: BigInt(due.events),
      dueBytes: BigInt(due.bytes),
    };
    await sink.write({ part: { $case: "forecast", value: forecast } });
  }

  async #holds(
    { pageSize, pageToken, showReleased }: ListHoldsRequest,
    visit: Visit,
  ): Promise<Answers<ListHoldsResponse>> {
    unscoped(visit);
    const fingerprint = requestFingerprint(["holds", visit.caller.name, String(showReleased)]);
    const after = pageToken === "" ? "" : await this.#tokens.decode(pageToken, fingerprint);
    const size = pageSizeOf(pageSize);
    const found = (await this.#stores.listHolds()).filter(
      ({ id, releaseMs }) => id > after && (showReleased || releaseMs === 0),
    );
    const page = found.slice(0, size);
    const last = found.length > size ? page.at(-1)?.id : undefined;
    const nextPageToken = last === undefined ? "" : await this.#tokens.encode(fingerprint, last);
    return { response: { holds: page.map(toHold), nextPageToken }, results: page.length };
  }

  async #hold(request: CreateHoldRequest, visit: Visit): Promise<Answers<CreateHoldResponse>> {
    unscoped(visit);
    const { hostIds, labels, reason } = request;
    checkLabels(labels);
    if (hostIds.length > HOLD_HOSTS_MAX)
      throw invalidField("the number of host_ids", hostIds.length, `up to ${HOLD_HOSTS_MAX}`);
    for (const id of hostIds) if (!isHostId(id)) throw invalidField("host_ids", id, "32 lower case hex digits");
    if (hostIds.length === 0 && Object.keys(labels).length === 0)
      throw invalidField("host_ids", "", "hosts, or labels of hosts");
    checkText("reason", reason, { min: 1, max: REASON_LENGTH_MAX });
    const firstDay = dayIn("first_day", request.firstDay, FIRST_DAY);
    const lastDay = dayIn("last_day", request.lastDay, LAST_DAY);
    if (firstDay > lastDay) throw invalidField("last_day", lastDay, `days from first_day, ${firstDay}, on`);
    const open = (await this.#stores.listHolds()).filter(({ releaseMs }) => releaseMs === 0);
    if (open.length >= HOLDS_MAX) throw full("HOLDS_FULL", "holds", open.length);
    const createMs = Date.now();
    const hold: LegalHold = {
      id: `${createMs.toString(16).padStart(12, "0")}-${randomBytes(4).toString("hex")}`,
      hostIds,
      labels,
      firstDay,
      lastDay,
      reason,
      creator: visit.caller.name,
      createMs,
      releaseMs: 0,
      releaser: "",
      releaseReason: "",
    };
    await this.#stores.insertHold(hold);
    // Only now: whoever drops notes that it does, and looks for holds after that.
    const dropping = (await this.#stores.listFences()).map(({ place }) => place);
    const droppingDays = dropping.filter((place) => firstDay <= place && place <= lastDay);
    return { response: { hold: toHold(hold), droppingDays }, results: 1 };
  }

  async #release({ id, reason }: ReleaseHoldRequest, visit: Visit): Promise<Answers<Hold>> {
    unscoped(visit);
    checkText("reason", reason, { min: 1, max: REASON_LENGTH_MAX });
    const find = async (): Promise<LegalHold | undefined> =>
      (await this.#stores.listHolds()).find((hold) => hold.id === id);
    const before = await find();
    if (before === undefined) {
      const shown = id.slice(0, REASON_LENGTH_MAX);
      throw serviceError(status.NOT_FOUND, "HOLD_NOT_FOUND", `there is no hold "${shown}"`, { id: shown });
    }
    if (!(await this.#stores.releaseHold(id, visit.caller.name, reason, Date.now()))) {
      const { releaser } = (await find()) ?? before;
      throw serviceError(status.FAILED_PRECONDITION, "HOLD_RELEASED", `hold ${id} was released by ${releaser}`, { id });
    }
    return { response: toHold((await find()) ?? before), results: 1 };
  }

  async #drops({ pageSize, pageToken, hostId }: ListDropsRequest, visit: Visit): Promise<Answers<ListDropsResponse>> {
    unscoped(visit);
    if (hostId !== "" && !isHostId(hostId)) throw invalidField("host_id", hostId, "32 lower case hex digits");
    const fingerprint = requestFingerprint(["drops", visit.caller.name, hostId]);
    const after = pageToken === "" ? "" : await this.#tokens.decode(pageToken, fingerprint);
    const size = pageSizeOf(pageSize);
    const found = await this.#stores.listDrops(hostId, after, size + 1);
    const page = found.slice(0, size);
    const last = found.length > size ? page.at(-1)?.id : undefined;
    const nextPageToken = last === undefined ? "" : await this.#tokens.encode(fingerprint, last);
    return { response: { drops: page.map(toDropped), nextPageToken }, results: page.length };
  }
}

/** Policies and holds are about the hosts of all teams. */
function unscoped({ caller }: Visit): void {
  if (Object.keys(caller.scope).length === 0) return;
  throw serviceError(status.PERMISSION_DENIED, "SCOPE_TOO_SMALL", `${caller.name} may only see some hosts`);
}

function full(reason: string, what: string, count: number): ServiceError {
  return serviceError(status.RESOURCE_EXHAUSTED, reason, `there are ${count} ${what}, as many as there may be`);
}

function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw invalidField("name", name, 'a letter and up to 63 of "a" to "z", digits and "-"');
}

function checkLabels(labels: Labels): void {
  const problem = labelProblem(labels);
  if (problem !== undefined)
    throw serviceError(status.INVALID_ARGUMENT, "FIELD_INVALID", `labels: ${problem}`, { field: "labels" });
}

function dayIn(field: string, text: string, fallback: string): string {
  if (text === "") return fallback;
  if (!isDay(text)) throw invalidField(field, text, "days as 20260131");
  return text;
}

/** What is asked for, where it can be a policy. */
function checked({ name, kind: number, labels, severityMin, keepDays }: PolicyMessage): RetentionPolicy {
  checkName(name);
  const kind = kindOf(number);
  if (kind === undefined) throw invalidField("kind", number, "events, alerts, api-audit and detection-gaps");
  if (!Number.isInteger(keepDays) || keepDays < 1 || keepDays > KEEP_DAYS_MAX)
    throw invalidField("keep_days", keepDays, `1 to ${KEEP_DAYS_MAX}`);
  checkLabels(labels);
  if (severityMin < 0 || severityMin > SEVERITY_MAX) throw invalidField("severity_min", severityMin, "0 to 5");
  const isSelective = Object.keys(labels).length > 0 || severityMin > 0;
  if (severityMin > 0 && kind !== "alerts")
    throw invalidField("severity_min", severityMin, "0 where the policy is not for alerts");
  if (isDefaultName(name)) {
    if (kind !== name) throw invalidField("kind", kind, `${name}, as the policy's name says`);
    if (isSelective) throw invalidField("labels", Object.keys(labels).join(", "), "none, since the policy is for all");
  } else if (!isSelective || (kind !== "events" && kind !== "alerts")) {
    const allowed = `"${kind}" for what is for all; others are for events by labels, and for alerts by labels or severity`;
    throw invalidField("name", name, allowed);
  }
  return { ...defaultPolicy(kind), name, labels, severityMin, keepDays };
}

/** By how many percent the shortest time of anything but events is cut, at most. */
function shortened(before: Policies, after: Policies): number {
  const cuts = (["alerts", "api-audit", "detection-gaps"] as const).map((kind) => {
    const [old, next] = [before.leastDays(kind), after.leastDays(kind)];
    return next < old ? Math.ceil(100 * (1 - next / old)) : 0;
  });
  return Math.max(...cuts);
}

/** The API of rules: which run where, and how bad they are. See proto/hosttrail/v1/rule.proto for what each method means. */
import { status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import { LEVELS, nearest } from "@hosttrail/lib/sigma";
import { Severity } from "@hosttrail/proto/alert";
import {
  CheckRulesRequest,
  type CheckRulesResponse,
  DeleteRulesetRequest,
  GetRuleRequest,
  GetRulesetRequest,
  ListRulesetsRequest,
  ListRulesRequest,
  type ListRulesResponse,
  type PutRulesetRequest,
  type PutRulesetResponse,
  type Rule,
  type RuleProblem,
  type Ruleset,
  type RuleServiceServer,
  UpdateRuleRequest,
} from "@hosttrail/proto/rule";
import { labelsKey } from "../access/index.ts";
import type { ToldProfile } from "../model/index.ts";
import type { LoadedRuleset, RuleBook } from "../rulebook/index.ts";
import {
  type Answers,
  checkText,
  decodeToken,
  encodeToken,
  type Gate,
  invalidField,
  pageSizeOf,
  requestFingerprint,
  serviceError,
  timestampOf,
  type Visit,
} from "../serve/index.ts";
import { checkRuleset, problemsOf, refusalOf } from "./check.ts";
import { recordedRuleset, RulesetParts } from "./gather.ts";
import { documentAt, shownFinding, type ShownRule, shownRules, toRule, toRuleset } from "./show.ts";
import { RuleStandings, standingOf } from "./standing.ts";
import type { RuleStores } from "./stores.ts";
import { RuleTallies } from "./tally.ts";

const KEY_LENGTH_MAX = 512;
const RULESETS_MAX = 100;
/** Findings of the collector itself, which no file has. */
const FINDING_KEY = /^finding:[a-z-]{1,64}$/;

/** The rules as they are. */
export interface Rules {
  /** Reads what changed; throws where the database is away. */
  refresh(): Promise<void>;
  book(): RuleBook;
}

/** Methods of the service that are here; rules are tried elsewhere. */
type Methods = Omit<RuleServiceServer, "testRules" | number>;

export class RuleApi {
  readonly #rules: Rules;
  readonly #stores: RuleStores;
  readonly #gate: Gate;
  readonly #tellRules: () => void;
  readonly #tallies: RuleTallies;
  readonly #standings: RuleStandings;

  constructor(rules: Rules, stores: RuleStores, gate: Gate, tellRules: () => void) {
    this.#rules = rules;
    this.#stores = stores;
    this.#gate = gate;
    this.#tellRules = tellRules;
    this.#tallies = new RuleTallies(stores.alerts);
    this.#standings = new RuleStandings(stores.standing);
  }

  /** The methods as grpc-js wants them. */
  get methods(): Methods {
    const gate = this.#gate;
    const describePut = { toJSON: recordedRuleset };
    return {
      listRules: gate.unary(ListRulesRequest, (request, visit) => this.#list(request, visit)),
      getRule: gate.unary(GetRuleRequest, async ({ key }, visit) => {
        const shown = find(await this.#book(), key);
        return { response: { ...(await this.#rule(shown, visit)), text: documentAt(shown) }, results: 1 };
      }),
      checkRules: gate.unary(CheckRulesRequest, (request, visit) => this.#check(request, visit)),
      updateRule: gate.change(UpdateRuleRequest, (request, visit) => this.#update(request, visit)),
      listRulesets: gate.unary(ListRulesetsRequest, async () => {
        const book = await this.#book();
        const rulesets = book.rulesets.map((ruleset) => toRuleset(ruleset, book, false));
        return { response: { rulesets }, results: rulesets.length };
      }),
      getRuleset: gate.unary(GetRulesetRequest, async ({ name }) => {
        const book = await this.#book();
        return { response: toRuleset(findRuleset(book, name), book, true), results: 1 };
      }),
      putRuleset: gate.gather(
        describePut,
        () => new RulesetParts(),
        (request, visit) => this.#put(request, visit),
      ),
      deleteRuleset: gate.change(DeleteRulesetRequest, async ({ name }, visit) => {
        unscoped(visit);
        if (findRuleset(await this.#book(), name).isManaged) {
          const message = `the ruleset "${name}" comes with the product: it can be disabled, not deleted`;
          throw serviceError(status.FAILED_PRECONDITION, "RULESET_MANAGED", message);
        }
        await this.#stores.rulesets.deleteRuleset(name);
        await this.#changed();
        return { response: {}, results: 1 };
      }),
    };
  }

  /** What is wrong with the key of a rule; undefined where there is such a rule. */
  async ruleKeyProblem(key: string): Promise<string | undefined> {
    if (FINDING_KEY.test(key)) return undefined;
    const book = await this.#book();
    if (book.byKey(key) !== undefined) return undefined;
    const keys = shownRules(book).map(({ key: known }) => known);
    return keys.includes(key) ? undefined : `there is no such rule${nearest(key, keys)}`;
  }

  async #book(): Promise<RuleBook> {
    await this.#rules.refresh();
    return this.#rules.book();
  }

  /** Tells others, and reads what was changed. */
  async #changed(): Promise<RuleBook> {
    this.#tellRules();
    // A reading that began before the change would be waited for instead of a new one.
    await this.#rules.refresh();
    return await this.#book();
  }

  async #rule(shown: ShownRule, { hosts, caller }: Visit): Promise<Rule> {
    const tallies = await this.#tallies.tallies(hosts, caller.scope);
    return toRule(shown, tallies.get(shown.key));
  }

  async #list(request: ListRulesRequest, visit: Visit): Promise<Answers<ListRulesResponse>> {
    const { ruleset, pageSize, pageToken } = request;
    const fingerprint = requestFingerprint(["rules", ruleset, labelsKey(visit.caller.scope)]);
    const after = pageToken === "" ? "" : decodeToken(pageToken, fingerprint);
    const size = pageSizeOf(pageSize);
    const book = await this.#book();
    if (ruleset !== "") findRuleset(book, ruleset);
    const left = shownRules(book).filter(
      ({ place, about }) => place > after && (ruleset === "" || about.ruleset === ruleset),
    );
    const page = left.slice(0, size);
    const tallies = await this.#tallies.tallies(visit.hosts, visit.caller.scope);
    const last = left.length > size ? page.at(-1) : undefined;
    return {
      response: {
        rules: page.map((shown) => toRule(shown, tallies.get(shown.key))),
        nextPageToken: last === undefined ? "" : encodeToken(fingerprint, last.place),
      },
      results: page.length,
    };
  }

  async #check(request: CheckRulesRequest, visit: Visit): Promise<Answers<CheckRulesResponse>> {
    const { key, hostId, pageSize, pageToken } = request;
    if (hostId !== "" && !isHostId(hostId)) {
      const metadata = { host_id: hostId.slice(0, 128) };
      const message = "host_id must be 32 lower case hex digits";
      throw serviceError(status.INVALID_ARGUMENT, "HOST_ID_INVALID", message, metadata);
    }
    const fingerprint = requestFingerprint(["check-rules", key, hostId, labelsKey(visit.caller.scope)]);
    const after = pageToken === "" ? "" : decodeToken(pageToken, fingerprint);
    const size = pageSizeOf(pageSize);
    const book = await this.#book();
    const wanted = key === "" ? shownRules(book) : [find(book, key)];
    const surveyed = await this.#standings.survey(book, hostId, visit.hosts);
    if (surveyed === undefined)
      throw serviceError(status.NOT_FOUND, "HOST_NOT_FOUND", `no host ${hostId}`, { host_id: hostId });
    const left = wanted.filter(({ place, file }) => file !== "" && place > after);
    const page = left.slice(0, size);
    const last = left.length > size ? page.at(-1) : undefined;
    const { profile, known, unknown } = surveyed;
    const response = {
      rules: page.map((shown) => standingOf(shown, surveyed)),
      nextPageToken: last === undefined ? "" : encodeToken(fingerprint, last.place),
      hostsKnown: BigInt(known),
      hostsUnknown: BigInt(unknown),
      profileTime: profile === undefined ? undefined : timestampOf(profile.receivedMs),
      auditRules: profile?.auditRuleCount ?? 0,
      problem: problemOf(hostId, profile),
    };
    return { response, results: page.length };
  }

  async #update({ key, enabled, severity }: UpdateRuleRequest, visit: Visit): Promise<Answers<Rule>> {
    unscoped(visit);
    if (enabled === undefined && severity === undefined) {
      throw serviceError(status.INVALID_ARGUMENT, "FIELD_MISSING", "one of enabled and severity must be there");
    }
    if (severity !== undefined && !(severity >= Severity.UNSPECIFIED && severity <= Severity.CRITICAL)) {
      throw invalidField("severity", severity, "0 to 5");
    }
    find(await this.#book(), key);
    const { rulesets } = this.#stores;
    if (enabled !== undefined) await rulesets.putEnabled(key, enabled);
    if (severity !== undefined) await rulesets.putSeverity(key, LEVELS[severity - Severity.INFORMATIONAL]);
    return { response: await this.#rule(find(await this.#changed(), key), visit), results: 1 };
  }

  async #put(request: PutRulesetRequest, visit: Visit): Promise<Answers<PutRulesetResponse>> {
    unscoped(visit);
    const { ruleset: asked, allowRejected, keepFiles } = request;
    if (asked === undefined) throw invalidField("ruleset", "", "a ruleset");
    checkRuleset(asked);
    const book = await this.#book();
    const before = book.rulesets.find(({ name }) => name === asked.name);
    const problems: RuleProblem[] = [];
    if (before?.isManaged === true) await this.#putManaged(asked, before, visit);
    else problems.push(...(await this.#putOwn(asked, before, { book, allowRejected, keepFiles }, visit)));
    const after = await this.#changed();
    return {
      response: { ruleset: toRuleset(findRuleset(after, asked.name), after, false), problems },
      results: 1,
    };
  }

  async #putManaged(asked: Ruleset, before: LoadedRuleset, { caller }: Visit): Promise<void> {
    const isOther = asked.description !== "" && asked.description !== before.description;
    if (asked.files.length > 0 || isOther) {
      const message = `the ruleset "${asked.name}" comes with the product: only enabled, labels and tags can be changed`;
      throw serviceError(status.FAILED_PRECONDITION, "RULESET_MANAGED", message);
    }
    const { name, enabled, labels, tags } = asked;
    const setting = { name, enabled, labels, tags, updateMs: Date.now(), updater: caller.name };
    await this.#stores.rulesets.putManaged(setting);
  }

  async #putOwn(
    asked: Ruleset,
    before: LoadedRuleset | undefined,
    { book, allowRejected, keepFiles }: { book: RuleBook; allowRejected: boolean; keepFiles: boolean },
    { caller }: Visit,
  ): Promise<RuleProblem[]> {
    if (keepFiles && before === undefined) throw notFound("RULESET_NOT_FOUND", "ruleset", asked.name, "");
    if (keepFiles !== (asked.files.length === 0)) {
      throw invalidField(
        "the number of ruleset.files",
        asked.files.length,
        keepFiles ? "0, with keep_files" : "1 to 10000",
      );
    }
    if (before === undefined && book.rulesets.length >= RULESETS_MAX) {
      const message = `there are ${book.rulesets.length} rulesets, as many as there may be`;
      throw serviceError(status.RESOURCE_EXHAUSTED, "RULESETS_FULL", message);
    }
    const { name, description, enabled, labels, tags } = asked;
    const files = keepFiles ? (before?.files ?? []) : asked.files;
    const setting = { name, description, enabled, labels, tags, updateMs: Date.now(), updater: caller.name };
    const candidate = { ...setting, files };
    // What is there already was looked at when it came.
    const problems = keepFiles ? [] : problemsOf(candidate, book, await this.#stores.rulesets.readSettings());
    const rejected = problems.filter((problem) => problem.rejected);
    if (rejected.length > 0 && !allowRejected) throw refusalOf(rejected);
    await this.#stores.rulesets.putRuleset(candidate);
    return problems;
  }
}

/** Why the audit rules of a host are not known, or not all; empty where nothing is wrong, or no host was asked for. */
function problemOf(hostId: string, profile: ToldProfile | undefined): string {
  if (hostId === "") return "";
  if (profile === undefined)
    return "its agent has not told its audit rules: it is of an older version, or was never connected";
  const { auditProblem, auditRuleCount, auditRulesLeftOut } = profile;
  if (auditProblem !== "" || auditRulesLeftOut === 0) return auditProblem;
  return `it has ${auditRuleCount + auditRulesLeftOut} audit rules, of which ${auditRuleCount} are known here`;
}

/** Rules run on the hosts of all teams. */
function unscoped({ caller }: Visit): void {
  if (Object.keys(caller.scope).length === 0) return;
  throw serviceError(status.PERMISSION_DENIED, "SCOPE_TOO_SMALL", `${caller.name} may only see some hosts`);
}

function find(book: RuleBook, key: string): ShownRule {
  checkText("key", key, { min: 1, max: KEY_LENGTH_MAX });
  const rules = shownRules(book);
  const shown = rules.find((each) => each.key === key) ?? shownFinding(book, key);
  if (shown !== undefined) return shown;
  const near = nearest(
    key,
    rules.map((each) => each.key),
  );
  throw notFound("RULE_NOT_FOUND", "rule", key, near);
}

function findRuleset(book: RuleBook, name: string): LoadedRuleset {
  const ruleset = book.rulesets.find((each) => each.name === name);
  if (ruleset !== undefined) return ruleset;
  const near = nearest(
    name,
    book.rulesets.map((each) => each.name),
  );
  throw notFound("RULESET_NOT_FOUND", "ruleset", name, near);
}

function notFound(reason: string, what: string, name: string, near: string): Error {
  return serviceError(status.NOT_FOUND, reason, `there is no ${what} ${JSON.stringify(name.slice(0, 128))}${near}`);
}

/** The methods of the API that the console calls, with what they take and give. A test compares them with the protos. */
import type * as access from "./gen/hosttrail/v1/access.ts";
import type * as alert from "./gen/hosttrail/v1/alert.ts";
import type * as analysis from "./gen/hosttrail/v1/analysis.ts";
import type * as cost from "./gen/hosttrail/v1/cost.ts";
import type * as coverage from "./gen/hosttrail/v1/coverage.ts";
import type * as ledger from "./gen/hosttrail/v1/ledger.ts";
import type * as query from "./gen/hosttrail/v1/query.ts";
import type * as retention from "./gen/hosttrail/v1/retention.ts";
import type * as rule from "./gen/hosttrail/v1/rule.ts";
import type * as verify from "./gen/hosttrail/v1/verify.ts";

/** A method by its service and name. `Request` and `Response` are in its type alone. */
export interface Method<Request, Response> {
  path: string;
  readonly types?: { request: Request; response: Response };
}

/** One whose answer is a stream. `isParts`: its request is one, too. */
export interface StreamMethod<Request, Response> extends Method<Request, Response> {
  isStream: true;
  isParts?: boolean;
}

function unary<Request, Response>(path: string): Method<Request, Response> {
  return { path };
}

function stream<Request, Response>(path: string, isParts = false): StreamMethod<Request, Response> {
  return { path, isStream: true, isParts };
}

export const METHODS = {
  searchEvents: unary<query.SearchEventsRequest, query.SearchEventsResponse>("QueryService/SearchEvents"),
  explainSearch: unary<query.ExplainSearchRequest, query.ExplainSearchResponse>("QueryService/ExplainSearch"),
  exportEvents: stream<query.ExportEventsRequest, query.ExportEventsResponse>("QueryService/ExportEvents"),
  getEvent: unary<query.GetEventRequest, import("./gen/hosttrail/v1/event.ts").Event>("QueryService/GetEvent"),
  tailEvents: stream<query.TailEventsRequest, query.TailEventsResponse>("QueryService/TailEvents"),
  listHosts: unary<query.ListHostsRequest, query.ListHostsResponse>("QueryService/ListHosts"),
  getHost: unary<query.GetHostRequest, query.HostRecord>("QueryService/GetHost"),
  listSavedQueries: unary<query.ListSavedQueriesRequest, query.ListSavedQueriesResponse>(
    "QueryService/ListSavedQueries",
  ),
  putSavedQuery: unary<query.PutSavedQueryRequest, query.SavedQuery>("QueryService/PutSavedQuery"),
  deleteSavedQuery: unary<query.DeleteSavedQueryRequest, query.DeleteSavedQueryResponse>(
    "QueryService/DeleteSavedQuery",
  ),

  getTimeline: unary<analysis.GetTimelineRequest, analysis.Timeline>("AnalysisService/GetTimeline"),
  getProcessTree: unary<analysis.GetProcessTreeRequest, analysis.ProcessTree>("AnalysisService/GetProcessTree"),
  aggregateEvents: stream<analysis.AggregateEventsRequest, analysis.AggregateEventsResponse>(
    "AnalysisService/AggregateEvents",
  ),
  getHostAt: unary<analysis.GetHostAtRequest, analysis.HostAt>("AnalysisService/GetHostAt"),
  diffHost: unary<analysis.DiffHostRequest, analysis.HostDiff>("AnalysisService/DiffHost"),

  listAlerts: unary<alert.ListAlertsRequest, alert.ListAlertsResponse>("AlertService/ListAlerts"),
  getAlert: unary<alert.GetAlertRequest, alert.Alert>("AlertService/GetAlert"),
  watchAlerts: stream<alert.WatchAlertsRequest, alert.WatchAlertsResponse>("AlertService/WatchAlerts"),
  acknowledgeAlert: unary<alert.AcknowledgeAlertRequest, alert.Alert>("AlertService/AcknowledgeAlert"),
  closeAlert: unary<alert.CloseAlertRequest, alert.Alert>("AlertService/CloseAlert"),
  reopenAlert: unary<alert.ReopenAlertRequest, alert.Alert>("AlertService/ReopenAlert"),
  assignAlert: unary<alert.AssignAlertRequest, alert.Alert>("AlertService/AssignAlert"),
  commentAlert: unary<alert.CommentAlertRequest, alert.Alert>("AlertService/CommentAlert"),
  createSuppression: unary<alert.CreateSuppressionRequest, alert.Suppression>("AlertService/CreateSuppression"),
  listSuppressions: unary<alert.ListSuppressionsRequest, alert.ListSuppressionsResponse>(
    "AlertService/ListSuppressions",
  ),
  expireSuppression: unary<alert.ExpireSuppressionRequest, alert.Suppression>("AlertService/ExpireSuppression"),
  previewSuppression: unary<alert.PreviewSuppressionRequest, alert.PreviewSuppressionResponse>(
    "AlertService/PreviewSuppression",
  ),

  listRules: unary<rule.ListRulesRequest, rule.ListRulesResponse>("RuleService/ListRules"),
  getRule: unary<rule.GetRuleRequest, rule.Rule>("RuleService/GetRule"),
  checkRules: unary<rule.CheckRulesRequest, rule.CheckRulesResponse>("RuleService/CheckRules"),
  updateRule: unary<rule.UpdateRuleRequest, rule.Rule>("RuleService/UpdateRule"),
  listRulesets: unary<rule.ListRulesetsRequest, rule.ListRulesetsResponse>("RuleService/ListRulesets"),
  testRules: stream<rule.TestRulesRequest, rule.TestRulesResponse>("RuleService/TestRules", true),

  getLedger: unary<ledger.GetLedgerRequest, ledger.Ledger>("LedgerService/GetLedger"),
  listLedgers: unary<ledger.ListLedgersRequest, ledger.ListLedgersResponse>("LedgerService/ListLedgers"),
  verifyTrail: stream<verify.VerifyTrailRequest, verify.VerifyTrailResponse>("VerifyService/VerifyTrail"),
  exportEvidence: stream<verify.ExportEvidenceRequest, verify.ExportEvidenceResponse>("VerifyService/ExportEvidence"),
  planRetention: stream<retention.PlanRetentionRequest, retention.PlanRetentionResponse>(
    "RetentionService/PlanRetention",
  ),

  getCoverage: unary<coverage.GetCoverageRequest, coverage.Coverage>("CoverageService/GetCoverage"),
  listCoverageInstances: unary<coverage.ListCoverageInstancesRequest, coverage.ListCoverageInstancesResponse>(
    "CoverageService/ListCoverageInstances",
  ),
  listHostCosts: unary<cost.ListHostCostsRequest, cost.ListHostCostsResponse>("CostService/ListHostCosts"),

  listHostIdentities: unary<access.ListHostIdentitiesRequest, access.ListHostIdentitiesResponse>(
    "AccessService/ListHostIdentities",
  ),
  revokeHost: unary<access.RevokeHostRequest, access.HostIdentity>("AccessService/RevokeHost"),
  createEnrollmentToken: unary<access.CreateEnrollmentTokenRequest, access.CreateEnrollmentTokenResponse>(
    "AccessService/CreateEnrollmentToken",
  ),
  listEnrollmentTokens: unary<access.ListEnrollmentTokensRequest, access.ListEnrollmentTokensResponse>(
    "AccessService/ListEnrollmentTokens",
  ),
  deleteEnrollmentToken: unary<access.DeleteEnrollmentTokenRequest, access.DeleteEnrollmentTokenResponse>(
    "AccessService/DeleteEnrollmentToken",
  ),
  createApiToken: unary<access.CreateApiTokenRequest, access.CreateApiTokenResponse>("AccessService/CreateApiToken"),
  listApiTokens: unary<access.ListApiTokensRequest, access.ListApiTokensResponse>("AccessService/ListApiTokens"),
  deleteApiToken: unary<access.DeleteApiTokenRequest, access.DeleteApiTokenResponse>("AccessService/DeleteApiToken"),
  listAuditEntries: unary<access.ListAuditEntriesRequest, access.ListAuditEntriesResponse>(
    "AccessService/ListAuditEntries",
  ),
} as const;

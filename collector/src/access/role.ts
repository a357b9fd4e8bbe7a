/** Roles, and the least one that each method of the API asks for. */

/** Each may do what those before it may. */
export type Role = "viewer" | "responder" | "admin";

const ORDER: readonly Role[] = ["viewer", "responder", "admin"];

export function includesRole(role: Role, least: Role): boolean {
  return ORDER.indexOf(role) >= ORDER.indexOf(least);
}

/**
 * Every method that people and programs may call, by its full name. A method that is not here is refused to all: a new
 * one must be thought of. docs/security.md shows this table; a test compares them.
 */
export const LEAST_ROLE: Readonly<Record<string, Role>> = {
  "/hosttrail.v1.QueryService/SearchEvents": "viewer",
  "/hosttrail.v1.QueryService/GetEvent": "viewer",
  "/hosttrail.v1.QueryService/TailEvents": "viewer",
  "/hosttrail.v1.QueryService/ListHosts": "viewer",
  "/hosttrail.v1.QueryService/GetHost": "viewer",
  "/hosttrail.v1.QueryService/StreamSearch": "viewer",
  "/hosttrail.v1.QueryService/ExplainSearch": "viewer",
  "/hosttrail.v1.QueryService/ExportEvents": "viewer",
  "/hosttrail.v1.QueryService/ListSavedQueries": "viewer",
  "/hosttrail.v1.QueryService/GetSavedQuery": "viewer",
  "/hosttrail.v1.AnalysisService/GetTimeline": "viewer",
  "/hosttrail.v1.AnalysisService/GetProcessTree": "viewer",
  "/hosttrail.v1.AnalysisService/AggregateEvents": "viewer",
  "/hosttrail.v1.AnalysisService/GetHostAt": "viewer",
  "/hosttrail.v1.AnalysisService/DiffHost": "viewer",
  "/hosttrail.v1.LogService/GetCheckpoint": "viewer",
  "/hosttrail.v1.LogService/GetTile": "viewer",
  "/hosttrail.v1.LogService/ListLogEntries": "viewer",
  "/hosttrail.v1.LedgerService/GetLedger": "viewer",
  "/hosttrail.v1.LedgerService/ListLedgers": "viewer",
  "/hosttrail.v1.DeadBlockService/ListDeadBlocks": "viewer",
  "/hosttrail.v1.DeadBlockService/GetDeadBlock": "viewer",
  "/hosttrail.v1.DeadBlockService/ReplayDeadBlock": "admin",
  "/hosttrail.v1.DeadBlockService/DropDeadBlock": "admin",
  "/hosttrail.v1.VerifyService/VerifyTrail": "viewer",
  "/hosttrail.v1.VerifyService/ExportEvidence": "viewer",
  "/hosttrail.v1.QueryService/PutSavedQuery": "responder",
  "/hosttrail.v1.QueryService/DeleteSavedQuery": "responder",
  "/hosttrail.v1.AlertService/ListAlerts": "viewer",
  "/hosttrail.v1.AlertService/GetAlert": "viewer",
  "/hosttrail.v1.AlertService/WatchAlerts": "viewer",
  "/hosttrail.v1.AlertService/ListSuppressions": "viewer",
  "/hosttrail.v1.AlertService/PreviewSuppression": "viewer",
  "/hosttrail.v1.AlertService/AcknowledgeAlert": "responder",
  "/hosttrail.v1.AlertService/CloseAlert": "responder",
  "/hosttrail.v1.AlertService/CloseAlerts": "responder",
  "/hosttrail.v1.AlertService/ReopenAlert": "responder",
  "/hosttrail.v1.AlertService/AssignAlert": "responder",
  "/hosttrail.v1.AlertService/CommentAlert": "responder",
  "/hosttrail.v1.AlertService/CreateSuppression": "responder",
  "/hosttrail.v1.AlertService/ExpireSuppression": "responder",
  "/hosttrail.v1.RuleService/TestRules": "viewer",
  "/hosttrail.v1.RuleService/ListRules": "viewer",
  "/hosttrail.v1.RuleService/GetRule": "viewer",
  "/hosttrail.v1.RuleService/ListRulesets": "viewer",
  "/hosttrail.v1.RuleService/GetRuleset": "viewer",
  "/hosttrail.v1.RuleService/UpdateRule": "admin",
  "/hosttrail.v1.RuleService/PutRuleset": "admin",
  "/hosttrail.v1.RuleService/DeleteRuleset": "admin",
  "/hosttrail.v1.AccessService/GetCaller": "viewer",
  "/hosttrail.v1.AccessService/CreateLoginLink": "viewer",
  "/hosttrail.v1.AccessService/RevokeHost": "responder",
  "/hosttrail.v1.AccessService/ListHostIdentities": "responder",
  "/hosttrail.v1.NotifyService/ListRoutes": "admin",
  "/hosttrail.v1.NotifyService/TestNotification": "admin",
  "/hosttrail.v1.NotifyService/ListDeadLetters": "admin",
  "/hosttrail.v1.NotifyService/RedeliverDeadLetter": "admin",
  "/hosttrail.v1.RetentionService/ListRetentionPolicies": "admin",
  "/hosttrail.v1.RetentionService/PutRetentionPolicy": "admin",
  "/hosttrail.v1.RetentionService/DeleteRetentionPolicy": "admin",
  "/hosttrail.v1.RetentionService/PlanRetention": "admin",
  "/hosttrail.v1.RetentionService/ListHolds": "admin",
  "/hosttrail.v1.RetentionService/CreateHold": "admin",
  "/hosttrail.v1.RetentionService/ReleaseHold": "admin",
  "/hosttrail.v1.RetentionService/ListDrops": "admin",
  "/hosttrail.v1.AccessService/CreateEnrollmentToken": "admin",
  "/hosttrail.v1.AccessService/ListEnrollmentTokens": "admin",
  "/hosttrail.v1.AccessService/DeleteEnrollmentToken": "admin",
  "/hosttrail.v1.AccessService/CreateApiToken": "admin",
  "/hosttrail.v1.AccessService/ListApiTokens": "admin",
  "/hosttrail.v1.AccessService/DeleteApiToken": "admin",
  "/hosttrail.v1.AccessService/ListAuditEntries": "admin",
};

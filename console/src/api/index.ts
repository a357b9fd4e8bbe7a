/** The collector's API as a browser calls it: its messages as JSON, errors as values, streams that are called again. */
export { call, callStream } from "./call.ts";
export { type Answer, type CallError } from "./error.ts";
export { type Method, METHODS, type StreamMethod } from "./methods.ts";
export {
  askSession,
  type Door,
  isLoginAsked,
  logIn,
  logOut,
  mayAct,
  type Role,
  type Session,
  standing,
} from "./session.ts";
export { watchPerson } from "./person.ts";
export { watch, type WatchState } from "./watch.ts";
export type { ApiToken, AuditEntry, EnrollmentToken, HostIdentity } from "./gen/hosttrail/v1/access.ts";
export type {
  Alert,
  CloseReason,
  ListAlertsRequest,
  PreviewSuppressionResponse,
  Severity,
  Suppression,
  WatchAlertsResponse,
} from "./gen/hosttrail/v1/alert.ts";
export type {
  GetProcessTreeRequest,
  HostDiff,
  ProcessDeed,
  ProcessNode,
  ProcessTree,
  TimelineEntry,
} from "./gen/hosttrail/v1/analysis.ts";
export type { DiskForecast, HostCost } from "./gen/hosttrail/v1/cost.ts";
export type {
  Coverage,
  CoverageCount,
  CoverageFilter,
  CoverageGroup,
  CoverageInstance,
  CoverageState,
} from "./gen/hosttrail/v1/coverage.ts";
export type { AuditRecord, Event, User } from "./gen/hosttrail/v1/event.ts";
export type { Ledger, LedgerReason } from "./gen/hosttrail/v1/ledger.ts";
export type { HostRecord, SearchEventsRequest, SearchEventsResponse } from "./gen/hosttrail/v1/query.ts";
export type { RetentionForecast } from "./gen/hosttrail/v1/retention.ts";
export type { CheckedRule, Rule, RuleProblem, TestedRule } from "./gen/hosttrail/v1/rule.ts";
export type { Completeness, DroppedEvents, HostSelector } from "./gen/hosttrail/v1/scan.ts";
export type { ExportEvidenceResponse, HostVerdict, TrailFinding, VerifyProgress } from "./gen/hosttrail/v1/verify.ts";

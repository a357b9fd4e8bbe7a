/** The APIs of alerts and rules, with the database and the stream as they see them. */
import type { Logger } from "@hosttrail/lib/log";
import { AlertApi } from "./alerts/index.ts";
import { type DetectionParts, ruleStore } from "./detection.ts";
import { readManaged, RuleWatch } from "./rulebook/index.ts";
import { RuleApi } from "./rules/index.ts";
import type { Gate } from "./serve/index.ts";

export interface DetectionApis {
  alerts: AlertApi;
  rules: RuleApi;
}

export function openDetectionApis(
  { archive, stream }: Pick<DetectionParts, "archive" | "stream">,
  gate: Gate,
  logger: Logger,
): DetectionApis {
  const tellRules = (): void => stream.tellRules();
  const rules = new RuleApi(
    new RuleWatch(ruleStore(archive), readManaged(), logger),
    {
      rulesets: archive.rulesets,
      alerts: {
        listAlerts: (query) => archive.alerts.listAlerts(query),
        closedSince: (timeMs) => archive.alertWork.closedSince(timeMs),
      },
    },
    gate,
    tellRules,
  );
  const alerts = new AlertApi(
    {
      alerts: archive.alerts,
      work: archive.alertWork,
      suppressions: archive.suppressions,
      labelsOf: async (hostId) => (await archive.identities.getIdentity(hostId))?.labels ?? {},
      ruleKeyProblem: (key) => rules.ruleKeyProblem(key),
    },
    {
      publishAlert: (change) => stream.alerts.publishAlert(change),
      tapAlerts: (take) => stream.alerts.tapAlerts(take),
      tellRules,
    },
    gate,
    logger,
  );
  return { alerts, rules };
}

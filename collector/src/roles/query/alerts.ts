/** Alerts and the work on them. */
import { AlertServiceService } from "@hosttrail/proto/alert";
import { AlertApi } from "../../alerts/index.ts";
import type { RuleApi } from "../../rules/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openAlerts({ archive, stream, gate, logger }: ApiParts, rules: Pick<RuleApi, "ruleKeyProblem">): Api {
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
      tellRules: () => stream.tellRules(),
    },
    gate,
    logger,
  );
  return {
    service: {
      name: "hosttrail.v1.AlertService",
      definition: AlertServiceService,
      implementation: { ...alerts.methods },
    },
    close: () => alerts.close(),
  };
}

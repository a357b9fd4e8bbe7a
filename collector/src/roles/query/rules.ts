/** Rules, and trials of them on history. */
import { RuleServiceService } from "@hosttrail/proto/rule";
import { ruleStore } from "../../archives.ts";
import { dayRange } from "../../mongodb/index.ts";
import { readManaged, RuleWatch } from "../../rulebook/index.ts";
import { RuleApi } from "../../rules/index.ts";
import { TestRulesApi } from "../../trial/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openRules({ archive, stream, history, gate, logger }: ApiParts): Api & { rules: RuleApi } {
  const rules = new RuleApi(
    new RuleWatch(ruleStore(archive), readManaged(), logger),
    {
      rulesets: archive.rulesets,
      standing: {
        listProfiles: (afterId, limit) => archive.profiles.listProfiles(afterId, limit),
        getProfiles: (hostIds) => archive.profiles.getProfiles(hostIds),
        auditRulesOf: (hostId) => archive.profiles.auditRulesOf(hostId),
        listHostIds: async (afterId, limit) =>
          (await archive.hosts.listNames(afterId, limit)).map(({ hostId }) => hostId),
        hasHost: async (hostId) => (await archive.hosts.getHost(hostId)) !== undefined,
        allLabels: () => archive.identities.allLabels(),
      },
      alerts: {
        listAlerts: (query) => archive.alerts.listAlerts(query),
        closedSince: (timeMs) => archive.alertWork.closedSince(timeMs),
      },
    },
    gate,
    () => stream.tellRules(),
  );
  const trials = new TestRulesApi(
    {
      begin: (query) => history.begin(query),
      dayRange,
      sieveOf: (unit) => history.sieveOf(unit),
      payloadOf: (unit) => history.payloadOf(unit),
    },
    gate,
    logger,
  );
  return {
    rules,
    service: {
      name: "hosttrail.v1.RuleService",
      definition: RuleServiceService,
      implementation: { ...rules.methods, testRules: trials.testRules },
    },
    close: () => trials.close(),
  };
}

/** What to do about a state, and about what could not be looked at. */
import type { CloudProblem, CoverageReason } from "../model/index.ts";

const REMEDIES: Readonly<Record<CoverageReason, string>> = {
  reporting: "",
  "report-overdue": "Wait for some minutes; then look at `hosttrail-agent status` on the machine.",
  "nothing-comes": "Run `hosttrail-agent doctor` on the machine: its agent is dead, or cut off from the collector.",
  "agent-stopped": "Somebody stopped the agent: start hosttrail-agent.service on the machine.",
  "system-went-down":
    "Its system went down and came back without the agent: enable hosttrail-agent.service on the machine.",
  "never-reported": "It enrolled and sent nothing: run `hosttrail-agent doctor` on the machine.",
  revoked: "Its host was revoked: enrol it with a new key, or end the machine.",
  "rules-refused":
    "The kernel did not take the audit rules: run `hosttrail-agent rules plan` on the machine, mend what it names, then close the alert.",
  "lost-before-agent":
    "Its kernel lost events: `hosttrail ledger` shows how many; make its rules ask for less, or its buffer larger.",
  "lost-in-agent":
    "Its agent gave events up: `hosttrail ledger` shows why; give its spool more room, or its governor more budget.",
  "trail-incomplete": "Events of it are missing: `hosttrail verify` shows which.",
  "launched-lately": "",
  "no-agent": "Install and enrol the agent, or exclude the machine in coverage.aws.exclusions.",
  "claim-refused":
    "A host of another identity says that it is this machine: look at refused claims, and install the agent on this one.",
  "exclusion-over": "Its exclusion is over: install the agent, or have the exclusion renewed.",
  windows: "There is no agent for Windows: exclude the machine, so that somebody answers for it.",
  architecture: "There is no agent for this architecture: exclude the machine, so that somebody answers for it.",
  "system-too-old":
    "Its system is too old for the agent: move it to a newer one, or exclude it, so that somebody answers for it.",
  excluded: "",
  "not-running": "",
  "ended-unseen": "Put the agent into its image, so that it reports from its first minute on.",
};

export function remedyOf(reason: CoverageReason): string {
  return REMEDIES[reason];
}

/** As the configuration and the Terraform module name things. */
export function remedyOfProblem({ operation, code }: CloudProblem): string {
  if (code === "REGION_NOT_ENABLED") return "Take the region out of coverage.aws.regions, or enable it in the account.";
  if (code === "TIMEOUT") return "The look took too long: name fewer regions, or accounts, in coverage.aws.";
  if (code === "TOO_MANY") return "There are more machines than are kept.";
  if (/Credentials|Token|UnrecognizedClient|InvalidClientTokenId|AuthFailure/.test(code))
    return "Give the collector's instance a role: the SDK's own chain of credentials found none that is good.";
  const isDenied = /Denied|Unauthorized|OptInRequired/.test(code);
  if (operation === "AssumeRole")
    return isDenied
      ? "Apply the Terraform module coverage-role in the account, with the external id and the role's name of the configuration."
      : "";
  if (operation === "ListAccounts")
    return isDenied
      ? "Run the collector in the management account or in one that it delegated to, or name accounts in coverage.aws.accounts."
      : "";
  if (isDenied) return `Let the role of the account do ec2:${operation}; a service control policy may forbid it.`;
  return "It is tried again at the next look.";
}

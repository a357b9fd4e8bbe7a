/** The section `coverage` of collector.yaml. */
import { ConfigError, type ConfigSchema, integer, mapOf } from "@hosttrail/lib/config";

export interface CoverageConfig {
  pollMinutes: number;
  leaseMs: number;
  graceMinutes: number;
  aws: AwsCoverageConfig;
}

export interface AwsCoverageConfig {
  organization: boolean;
  accounts: string[];
  exceptAccounts: string[];
  roleName: string;
  externalId: string;
  regions: string[];
  homeRegion: string;
  groupTag: string;
  exclusions: {
    name: string;
    approver: string;
    reason: string;
    lastDay: string;
    accounts: string[];
    regions: string[];
    instances: string[];
    tags: Record<string, string>;
  }[];
}

const ACCOUNT = { type: "string", pattern: "^\\d{12}$" } as const;
const REGION = { type: "string", pattern: "^[a-z]{2}(?:-[a-z]+)+-\\d{1,2}$" } as const;
const some = (items: Record<string, unknown>, maxItems: number): Record<string, unknown> => ({
  type: "array",
  items,
  maxItems,
  uniqueItems: true,
  default: [],
});

export const coverageSchema: ConfigSchema = mapOf({
  poll_minutes: {
    ...integer(1, 1440, 10),
    description: "How often the cloud is looked at. EC2 tells of a machine that ended for about an hour.",
  },
  lease_ms: {
    ...integer(500, 120_000, 15_000),
    description: "When the process that looks dies, another one takes over after this time.",
  },
  grace_minutes: {
    ...integer(0, 1440, 15),
    description: "A machine that was launched less than this ago is not missed yet.",
  },
  aws: mapOf({
    organization: {
      type: "boolean",
      default: false,
      description: "All active accounts of the organisation are looked at.",
    },
    accounts: {
      ...some(ACCOUNT, 10_000),
      description: "Accounts that are looked at, beside those of the organisation.",
    },
    except_accounts: { ...some(ACCOUNT, 10_000), description: "Accounts of the organisation that are not looked at." },
    role_name: {
      type: "string",
      pattern: "^[\\w+=,.@/-]{1,128}$",
      default: "hosttrail-coverage",
      description:
        "The role that is assumed in each account, with its path, if it has one. In the collector's own account none is.",
    },
    external_id: {
      type: "string",
      pattern: "^(?:[\\w+=,.@:/-]{2,1224})?$",
      default: "",
      description: "What the roles want to be told by whoever assumes them; no secret.",
    },
    regions: {
      ...some(REGION, 100),
      description: "Regions that are looked at. None: all that an account has enabled.",
    },
    home_region: { ...REGION, default: "us-east-1", description: "Where the organisation and roles are asked for." },
    group_tag: {
      type: "string",
      minLength: 1,
      maxLength: 128,
      default: "aws:autoscaling:groupName",
      description: "The tag that names the group of a machine.",
    },
    exclusions: {
      type: "array",
      maxItems: 1000,
      default: [],
      description:
        "Machines that need no agent: those that fit to all that one of these names. Who decided it, why, and until when stands with it.",
      items: mapOf(
        {
          name: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,62}$" },
          approver: { type: "string", minLength: 1, maxLength: 128 },
          reason: { type: "string", minLength: 1, maxLength: 512 },
          last_day: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$" },
          accounts: some(ACCOUNT, 1000),
          regions: some(REGION, 100),
          instances: some({ type: "string", pattern: "^i-[0-9a-f]{8,17}$" }, 10_000),
          tags: {
            type: "object",
            default: {},
            additionalProperties: { type: "string", maxLength: 256 },
            maxProperties: 50,
          },
        },
        ["name", "approver", "reason", "last_day"],
      ),
    },
  }),
});

/** Whether there is a cloud to look at. */
export function looksAtAws({ organization, accounts }: AwsCoverageConfig): boolean {
  return organization || accounts.length > 0;
}

/** What only shows where several settings are seen together; throws a ConfigError that names every problem. */
export function checkCoverage(file: string, { aws }: CoverageConfig): void {
  const { exclusions, exceptAccounts, organization, accounts } = aws;
  const names = exclusions.map(({ name }) => name);
  const problems = [
    ...names
      .filter((name, at) => names.indexOf(name) !== at)
      .map((name) => `coverage.aws.exclusions has two named "${name}"`),
    ...exclusions.flatMap(({ name, lastDay, ...of }) => [
      ...(isDay(lastDay) ? [] : [`coverage.aws.exclusions "${name}": last_day is "${lastDay}", which is no day`]),
      ...(of.accounts.length + of.regions.length + of.instances.length + Object.keys(of.tags).length > 0
        ? []
        : [
            `coverage.aws.exclusions "${name}" would exclude everything: it needs accounts, regions, instances or tags`,
          ]),
    ]),
    ...accounts
      .filter((account) => exceptAccounts.includes(account))
      .map((account) => `coverage.aws.accounts and except_accounts both have ${account}`),
    ...(exceptAccounts.length > 0 && !organization
      ? ["coverage.aws.except_accounts is set, and coverage.aws.organization is not true"]
      : []),
  ];
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${file}: ${problem}`));
}

function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

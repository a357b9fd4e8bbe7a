import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { type CheckedRule, METHODS, type Rule } from "../../api/index.ts";
import { linkTo, place, setQuery } from "../../route/index.ts";
import {
  Card,
  Choice,
  Empty,
  Failure,
  Page as Frame,
  SeverityLabel,
  Shown,
  Table,
  Text,
  useAll,
  valueIn,
} from "../../show/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { counted, countText } from "../../text/index.ts";
import { Fires, isMute } from "./fires.tsx";
import { RulePanel } from "./rule.tsx";
import { decidedOf, Precision, stateOf } from "./standing.tsx";

const REQUEST = { pageSize: 1000 };
const CHOICES = ["all", "running", "off", "broken", "mute", "noisy"] as const;
type Choosing = (typeof CHOICES)[number];
/** Below it, and with so many decided, a rule is worth a look. */
const NOISY_PRECISION = 0.5;
const DECIDED_MIN = 3;

export function Page(): VNode {
  const { query } = place.value;
  const asked = useAll(METHODS.listRules, REQUEST, (page) => page.rules);
  const shown = CHOICES.find((each) => each === query.get("show")) ?? "all";
  const wanted = (query.get("name") ?? "").toLowerCase();
  const hostId = query.get("host") ?? "";
  const checks = useAll(
    METHODS.checkRules,
    useMemo(() => ({ ...REQUEST, hostId }), [hostId]),
    (page) => page.rules,
  );
  const checked = useMemo(() => new Map(checks.value?.items.map((each) => [placeOf(each), each])), [checks.value]);
  const rules = useMemo(
    () =>
      (asked.value?.items ?? []).filter(
        (rule) => isOf(rule, shown, checked.get(placeOfRule(rule))) && nameOf(rule).includes(wanted),
      ),
    [asked.value, shown, wanted, checked],
  );
  const chosen = query.get("rule") ?? "";
  return (
    <Frame name="Rules">
      <div class="row">
        <Choice
          label="Which rules"
          value={shown}
          options={CHOICES.map((each): [Choosing, string] => [each, each])}
          onChoose={(each) => setQuery({ show: each === "all" ? "" : each })}
        />
        <input
          data-filter=""
          class="name-filter"
          type="search"
          aria-label="Part of a title, key, ruleset or technique"
          placeholder="Part of a title, key, ruleset or technique"
          value={query.get("name") ?? ""}
          onInput={(event) => setQuery({ name: valueIn(event) }, true)}
        />
        {hostId !== "" && (
          <span class="row">
            by the audit rules of <HostLink id={hostId} />
            <button type="button" class="button is-small" onClick={() => setQuery({ host: "" })}>
              All hosts
            </button>
          </span>
        )}
      </div>
      {checks.error !== undefined && <Failure error={checks.error} again={checks.again} />}
      {chosen !== "" && <RulePanel ruleKey={chosen} hostId={hostId} onChanged={asked.again} />}
      <Card flush title={counted(rules.length, "rule")}>
        <Shown asked={asked} rows={10}>
          {() =>
            rules.length === 0 ? (
              <Empty title="No such rule" />
            ) : (
              <RuleTable rules={rules} checked={checked} hostId={hostId} />
            )
          }
        </Shown>
      </Card>
    </Frame>
  );
}

/** A key may stand twice, a place does not. */
function placeOf({ ruleset, file, line }: Pick<CheckedRule, "ruleset" | "file" | "line">): string {
  return `${ruleset}/${file}:${line}`;
}

function placeOfRule({ rule, file, line }: Rule): string {
  return placeOf({ ruleset: rule?.ruleset, file, line });
}

function nameOf({ rule, file }: Rule): string {
  return `${rule?.title} ${rule?.key} ${rule?.ruleset} ${(rule?.tags ?? []).join(" ")} ${file}`.toLowerCase();
}

function isOf(rule: Rule, shown: Choosing, checked: CheckedRule | undefined): boolean {
  switch (shown) {
    case "all":
      return true;
    case "running":
      return rule.enabled === true && !rule.problem;
    case "off":
      return rule.enabled !== true && !rule.problem;
    case "broken":
      return Boolean(rule.problem);
    case "mute":
      return isMute(checked);
    default:
      return decidedOf(rule) >= DECIDED_MIN && (rule.precision ?? 0) < NOISY_PRECISION;
  }
}

interface TableProps {
  rules: readonly Rule[];
  checked: ReadonlyMap<string, CheckedRule>;
  hostId: string;
}

function RuleTable({ rules, checked, hostId }: TableProps): VNode {
  return (
    <Table
      caption="Rules"
      rows={rules}
      keyOf={({ rule, file, line }) => `${rule?.key}${file}${line}`}
      columns={[
        { title: "Severity", cell: ({ rule }) => <SeverityLabel of={rule?.severity} />, kind: "narrow" },
        {
          title: "Rule",
          cell: ({ rule, problem }) => (
            <>
              <a class="sans" href={linkTo("/rules", { rule: rule?.key, host: hostId })}>
                <Text of={rule?.title || rule?.key} max={200} />
              </a>
              {problem !== undefined && (
                <p class="small ink-warn">
                  <Text of={problem} max={300} />
                </p>
              )}
            </>
          ),
          kind: "wide",
        },
        { title: "State", cell: stateOf, kind: "narrow" },
        {
          title: "Can fire",
          cell: (rule) => <Fires of={checked.get(placeOfRule(rule))} hostId={hostId} />,
          kind: "narrow",
        },
        { title: "Alerts, 30 days", cell: ({ alerts }) => countText(alerts), kind: "number" },
        { title: "Precision", cell: (rule) => <Precision of={rule} />, kind: "narrow" },
        { title: "Ruleset", cell: ({ rule }) => <Text of={rule?.ruleset} />, kind: "narrow" },
        {
          title: "Techniques",
          cell: ({ rule }) => (
            <span class="faint">
              {(rule?.tags ?? [])
                .filter((tag) => tag.startsWith("attack.t"))
                .join(" ")
                .replaceAll("attack.", "")}
            </span>
          ),
        },
      ]}
    />
  );
}

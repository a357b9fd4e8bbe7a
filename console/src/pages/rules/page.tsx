import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { METHODS, type Rule } from "../../api/index.ts";
import { linkTo, place, setQuery } from "../../route/index.ts";
import {
  Card,
  Choice,
  Empty,
  Page as Frame,
  SeverityLabel,
  Shown,
  Table,
  Text,
  useAll,
  valueIn,
} from "../../show/index.ts";
import { counted, countText } from "../../text/index.ts";
import { RulePanel } from "./rule.tsx";
import { decidedOf, Precision, stateOf } from "./standing.tsx";

const REQUEST = { pageSize: 1000 };
const CHOICES = ["all", "running", "off", "broken", "noisy"] as const;
type Choosing = (typeof CHOICES)[number];
/** Below it, and with so many decided, a rule is worth a look. */
const NOISY_PRECISION = 0.5;
const DECIDED_MIN = 3;

export function Page(): VNode {
  const { query } = place.value;
  const asked = useAll(METHODS.listRules, REQUEST, (page) => page.rules);
  const shown = CHOICES.find((each) => each === query.get("show")) ?? "all";
  const wanted = (query.get("name") ?? "").toLowerCase();
  const rules = useMemo(
    () => (asked.value?.items ?? []).filter((rule) => isOf(rule, shown) && nameOf(rule).includes(wanted)),
    [asked.value, shown, wanted],
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
      </div>
      {chosen !== "" && <RulePanel ruleKey={chosen} onChanged={asked.again} />}
      <Card flush title={counted(rules.length, "rule")}>
        <Shown asked={asked} rows={10}>
          {() => (rules.length === 0 ? <Empty title="No such rule" /> : <RuleTable rules={rules} />)}
        </Shown>
      </Card>
    </Frame>
  );
}

function nameOf({ rule, file }: Rule): string {
  return `${rule?.title} ${rule?.key} ${rule?.ruleset} ${(rule?.tags ?? []).join(" ")} ${file}`.toLowerCase();
}

function isOf(rule: Rule, shown: Choosing): boolean {
  switch (shown) {
    case "all":
      return true;
    case "running":
      return rule.enabled === true && !rule.problem;
    case "off":
      return rule.enabled !== true && !rule.problem;
    case "broken":
      return Boolean(rule.problem);
    default:
      return decidedOf(rule) >= DECIDED_MIN && (rule.precision ?? 0) < NOISY_PRECISION;
  }
}

function RuleTable({ rules }: { rules: readonly Rule[] }): VNode {
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
              <a class="sans" href={linkTo("/rules", { rule: rule?.key })}>
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

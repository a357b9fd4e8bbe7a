import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { type Coverage, type CoverageFilter, type CoverageGroup, METHODS } from "../../api/index.ts";
import { linkTo, place, setQuery } from "../../route/index.ts";
import {
  Ago,
  Badge,
  Card,
  Choice,
  Empty,
  Facts,
  Page as Frame,
  Shown,
  Table,
  Text,
  Time,
  useAnswer,
} from "../../show/index.ts";
import { counted, countText } from "../../text/index.ts";
import { Machines } from "./machines.tsx";
import { allIn, countIn, coveredShare, STATES } from "./states.ts";

const GROUPINGS = {
  account: "COVERAGE_GROUPING_ACCOUNT",
  region: "COVERAGE_GROUPING_REGION",
  group: "COVERAGE_GROUPING_GROUP",
  reason: "COVERAGE_GROUPING_REASON",
} as const;
type Grouped = keyof typeof GROUPINGS;
const GROUPED = Object.keys(GROUPINGS) as Grouped[];
const COVERED = STATES.filter(({ state }) => state === "COVERAGE_STATE_COVERED");
const UNCOVERED = STATES.filter(({ tone }) => tone === "bad");

export function Page(): VNode {
  const { query } = place.value;
  const by = GROUPED.find((each) => each === query.get("by")) ?? "account";
  const state = STATES.find(({ key }) => key === query.get("state"))?.state;
  const [account, region, group] = ["account", "region", "group"].map((name) => query.get(name) ?? "");
  const filter = useMemo<CoverageFilter>(
    () => ({
      ...(state === undefined ? {} : { states: [state] }),
      ...(account ? { accounts: [account] } : {}),
      ...(region ? { regions: [region] } : {}),
      ...(group ? { groups: [group] } : {}),
    }),
    [state, account, region, group],
  );
  const request = useMemo(() => ({ filter: { ...filter, states: [] }, grouping: GROUPINGS[by] }), [filter, by]);
  const asked = useAnswer(METHODS.getCoverage, request);
  if (asked.error?.code === "NOT_FOUND")
    return (
      <Frame name="Coverage">
        <Empty title="No cloud has been looked at yet">
          A collector with the role coverage looks at the accounts that coverage.aws of its configuration names.
        </Empty>
      </Frame>
    );
  return (
    <Frame name="Coverage">
      <Shown asked={asked} rows={6}>
        {(coverage) => (
          <>
            <div class="grid">
              <Look at={coverage} />
              <States of={coverage} />
            </div>
            <Problems of={coverage} />
            <Card
              flush
              title="Where they are"
              actions={
                <Choice
                  label="Counted by"
                  value={by}
                  options={GROUPED.map((each): [Grouped, string] => [each, each])}
                  onChoose={(each) => setQuery({ by: each === "account" ? "" : each })}
                />
              }
            >
              <Groups of={coverage.groups ?? []} by={by} />
              {(coverage.leftOutGroups ?? 0) > 0 && (
                <p class="more faint">and {countText(coverage.leftOutGroups)} more</p>
              )}
            </Card>
          </>
        )}
      </Shown>
      <Machines filter={filter} />
    </Frame>
  );
}

function Look({ at: { startTime, counts, calls = [], blindStartTime, leftOutInstances } }: { at: Coverage }): VNode {
  const share = coveredShare(counts);
  const asked = calls.reduce((sum, { calls: count }) => sum + Number(count ?? 0), 0);
  return (
    <Card title="The last look">
      <Facts
        of={[
          ["Looked", <Ago key="" value={startTime} />],
          ["Machines", countText(allIn(counts))],
          ["Of those that should, covered", share === undefined ? "none should" : `${(share * 100).toFixed(1)} %`],
          ["Questions to the cloud", countText(asked)],
        ]}
      />
      {blindStartTime !== undefined && (
        <p class="ink-warn">
          Nobody looked from <Time value={blindStartTime} /> to <Time value={startTime} />: machines that lived and died
          then may never have been seen.
        </p>
      )}
      {Number(leftOutInstances ?? 0) > 0 && (
        <p class="ink-warn">{counted(leftOutInstances, "machine")} beyond what is kept.</p>
      )}
    </Card>
  );
}

function States({ of: { counts } }: { of: Coverage }): VNode {
  const all = Math.max(1, allIn(counts));
  return (
    <Card flush title="States">
      <Table
        caption="Machines by state"
        rows={STATES.filter(({ state }) => countIn(counts, state) > 0)}
        keyOf={({ key }) => key}
        columns={[
          {
            title: "State",
            cell: ({ key, tone }) => (
              <a href={linkTo("/coverage", { state: key })}>
                <Badge tone={tone}>{key}</Badge>
              </a>
            ),
          },
          { title: "Machines", cell: ({ state }) => countText(countIn(counts, state)), kind: "number" },
          {
            title: "Share",
            cell: ({ state }) => (
              <span class="meter" title={counted(countIn(counts, state), "machine")}>
                <span style={{ width: `${(countIn(counts, state) / all) * 100}%` }} />
              </span>
            ),
            kind: "narrow",
          },
        ]}
      />
    </Card>
  );
}

/** What could not be looked at: what is shown of it is older. */
function Problems({ of: { problems = [], refusedClaims = [] } }: { of: Coverage }): VNode | null {
  if (problems.length + refusedClaims.length === 0) return null;
  return (
    <Card flush title="What could not be looked at">
      {problems.length > 0 && (
        <Table
          caption="What could not be looked at"
          rows={problems}
          keyOf={({ account, region, operation }) => `${account} ${region} ${operation}`}
          columns={[
            { title: "Account", cell: ({ account }) => <Text of={account || "the organisation"} />, kind: "narrow" },
            { title: "Region", cell: ({ region }) => <Text of={region || "all"} />, kind: "narrow" },
            {
              title: "Why",
              cell: ({ operation, code, message }) => (
                <Text of={`${operation ?? ""}: ${code ?? ""} ${message ?? ""}`} max={300} />
              ),
            },
            { title: "What to do", cell: ({ remedy }) => <Text of={remedy} />, kind: "wide" },
          ]}
        />
      )}
      {refusedClaims.map(({ hostId, hostName, claimedInstanceId, claimedAccount, instanceId, account }) => (
        <p key={`${hostId}${claimedInstanceId}`} class="about ink-bad">
          The host <a href={linkTo(`/hosts/${hostId ?? ""}`)}>{<Text of={hostName || hostId} />}</a> says that it is{" "}
          <Text of={claimedInstanceId} /> of <Text of={claimedAccount} />, and is <Text of={instanceId} /> of{" "}
          <Text of={account} /> by its identity.
        </p>
      ))}
    </Card>
  );
}

function Groups({ of: groups, by }: { of: readonly CoverageGroup[]; by: Grouped }): VNode {
  const sum = (each: CoverageGroup, states: typeof STATES): number =>
    states.reduce((total, { state }) => total + countIn(each.counts, state), 0);
  return (
    <Table
      caption={`Machines by ${by}`}
      rows={groups}
      keyOf={({ name = "" }) => name}
      columns={[
        {
          title: by,
          cell: ({ name = "" }) =>
            name === "" ? (
              <span class="faint">none</span>
            ) : by === "reason" ? (
              <Text of={name} />
            ) : (
              <a href={linkTo("/coverage", { by, [by]: name })}>
                <Text of={name} max={80} />
              </a>
            ),
        },
        { title: "Machines", cell: ({ counts }) => countText(allIn(counts)), kind: "number" },
        { title: "Covered", cell: (each) => countText(sum(each, COVERED)), kind: "number" },
        { title: "Not covered", cell: (each) => countText(sum(each, UNCOVERED)), kind: "number" },
      ]}
    />
  );
}

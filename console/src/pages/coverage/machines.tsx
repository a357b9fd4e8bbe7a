/** Machines one by one: their state, why, and what to do. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { type CoverageFilter, type CoverageInstance, METHODS } from "../../api/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { setQuery } from "../../route/index.ts";
import { Ago, Badge, Card, Empty, Shown, Table, Text, useAll } from "../../show/index.ts";
import { countText, wordOf } from "../../text/index.ts";
import { shownState } from "./states.ts";

const PAGE_SIZE = 200;
const SHOWN_MAX = 500;

export function Machines({ filter }: { filter: CoverageFilter }): VNode {
  const request = useMemo(() => ({ filter, pageSize: PAGE_SIZE }), [filter]);
  const asked = useAll(METHODS.listCoverageInstances, request, (page) => page.instances);
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Card
      flush
      title="Machines"
      actions={
        isFiltered && (
          <button
            type="button"
            class="button is-quiet"
            onClick={() => setQuery({ state: "", account: "", region: "", group: "" })}
          >
            Show all
          </button>
        )
      }
    >
      <Shown asked={asked} rows={8}>
        {({ items, isMore }) =>
          items.length === 0 ? (
            <Empty title="No such machine" />
          ) : (
            <>
              <Listed of={items.slice(0, SHOWN_MAX)} />
              {(items.length > SHOWN_MAX || isMore) && (
                <p class="more faint">
                  The first {countText(Math.min(items.length, SHOWN_MAX))} are shown: states, accounts and regions above
                  lead to others.
                </p>
              )}
            </>
          )
        }
      </Shown>
    </Card>
  );
}

function Listed({ of: machines }: { of: readonly CoverageInstance[] }): VNode {
  return (
    <Table
      caption="Machines"
      rows={machines}
      keyOf={({ account, region, instanceId }) => `${account} ${region} ${instanceId}`}
      columns={[
        {
          title: "Machine",
          cell: ({ instanceId, name }) => (
            <>
              <code>{instanceId}</code> {name && <Text of={name} max={80} />}
            </>
          ),
        },
        {
          title: "Where",
          cell: ({ account, region }) => <Text of={`${account ?? ""} ${region ?? ""}`} />,
          kind: "narrow",
        },
        {
          title: "State",
          cell: ({ state }) => <Badge tone={shownState(state).tone}>{shownState(state).key}</Badge>,
          kind: "narrow",
        },
        {
          title: "Why, and what to do",
          cell: ({ reason, remedy, exclusion }) => (
            <>
              {wordOf(reason, "COVERAGE_REASON")}
              {exclusion !== undefined && (
                <>
                  :{" "}
                  <Text
                    of={`${exclusion.reason ?? ""} (${exclusion.approver ?? ""}, until ${exclusion.lastDay ?? ""})`}
                  />
                </>
              )}
              {remedy && (
                <span class="soft">
                  {" · "}
                  <Text of={remedy} />
                </span>
              )}
            </>
          ),
          kind: "wide",
        },
        { title: "Since", cell: ({ sinceTime }) => <Ago value={sinceTime} />, kind: "narrow" },
        { title: "Host", cell: ({ hostId, hostName }) => <HostLink id={hostId} name={hostName} />, kind: "narrow" },
      ]}
    />
  );
}

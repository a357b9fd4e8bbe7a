import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type HostRecord, METHODS } from "../../api/index.ts";
import { faultsOf, HostLink, presenceBadge, presenceOf } from "../../fleet/index.ts";
import { place, setQuery } from "../../route/index.ts";
import {
  Ago,
  Badge,
  Card,
  Choice,
  Empty,
  Page as Frame,
  Shown,
  Table,
  Text,
  Time,
  useAll,
  valueIn,
} from "../../show/index.ts";
import { counted, countText, shortId } from "../../text/index.ts";
import { zoneName } from "../../time/index.ts";

const REQUEST = { pageSize: 1000 };
const SHOWN_MAX = 500;

const CHOICES = ["all", "reporting", "late", "silent", "faulty"] as const;
type Choosing = (typeof CHOICES)[number];

export function Page(): VNode {
  const { query } = place.value;
  const [nowMs] = useState(() => Date.now());
  const asked = useAll(METHODS.listHosts, REQUEST, (page) => page.hosts);
  const shown = CHOICES.find((each) => each === query.get("presence")) ?? "all";
  const wanted = (query.get("name") ?? "").toLowerCase();
  const hosts = useMemo(
    () => (asked.value?.items ?? []).filter((host) => isWanted(host, shown, wanted, nowMs)).sort(byName),
    [asked.value, shown, wanted, nowMs],
  );
  return (
    <Frame name="Hosts">
      <div class="row">
        <Choice
          label="Which hosts"
          value={shown}
          options={CHOICES.map((each): [Choosing, string] => [each, each])}
          onChoose={(each) => setQuery({ presence: each === "all" ? "" : each })}
        />
        <input
          data-filter=""
          class="name-filter"
          type="search"
          aria-label="Part of a name, id, system or version"
          placeholder="Part of a name, id, system or version"
          value={query.get("name") ?? ""}
          onInput={(event) => setQuery({ name: valueIn(event) }, true)}
        />
      </div>
      <Card flush title={counted(hosts.length, "host")}>
        <Shown asked={asked} rows={10}>
          {({ isMore }) =>
            hosts.length === 0 ? (
              <Empty title="No such host">
                {(asked.value?.items.length ?? 0) === 0
                  ? "Hosts are there once their agents report."
                  : "Others are there."}
              </Empty>
            ) : (
              <>
                <HostTable hosts={hosts.slice(0, SHOWN_MAX)} nowMs={nowMs} />
                {hosts.length > SHOWN_MAX && (
                  <p class="more faint">
                    {SHOWN_MAX} of {countText(hosts.length)} are shown: a part of a name finds the others.
                  </p>
                )}
                {isMore && <p class="more ink-warn">There are more hosts than were read.</p>}
              </>
            )
          }
        </Shown>
      </Card>
    </Frame>
  );
}

function isWanted(host: HostRecord, shown: Choosing, wanted: string, nowMs: number): boolean {
  const { name = "", hostId = "", osName = "", osVersion = "", kernel = "", agentVersion = "", spec = "" } = host;
  if (!`${name} ${hostId} ${osName} ${osVersion} ${kernel} ${agentVersion} ${spec}`.toLowerCase().includes(wanted))
    return false;
  if (shown === "all") return true;
  return shown === "faulty" ? faultsOf(host).length > 0 : presenceOf(host, nowMs) === shown;
}

function byName(one: HostRecord, other: HostRecord): number {
  return (one.name || (one.hostId ?? "")).localeCompare(other.name || (other.hostId ?? ""), "en", { numeric: true });
}

function HostTable({ hosts, nowMs }: { hosts: readonly HostRecord[]; nowMs: number }): VNode {
  return (
    <Table
      caption={`Hosts, times in ${zoneName()}`}
      rows={hosts}
      keyOf={({ hostId = "" }) => hostId}
      columns={[
        { title: "Host", cell: ({ hostId, name }) => <HostLink id={hostId} name={name} /> },
        { title: "State", cell: (host) => presenceBadge(presenceOf(host, nowMs)), kind: "narrow" },
        { title: "Received", cell: ({ lastReceiveTime }) => <Ago value={lastReceiveTime} />, kind: "narrow" },
        {
          title: `Last event (${zoneName()})`,
          cell: ({ lastEventTime }) => <Time value={lastEventTime} />,
          kind: "narrow",
        },
        {
          title: "Trail",
          cell: (host) =>
            faultsOf(host).length === 0 ? (
              <span class="ink-good nowrap">● sound</span>
            ) : (
              faultsOf(host).map((fault) => (
                <Badge key={fault} tone="bad">
                  {fault}
                </Badge>
              ))
            ),
        },
        {
          title: "System",
          cell: ({ osName, osVersion }) => <Text of={`${osName ?? ""} ${osVersion ?? ""}`} max={80} />,
        },
        { title: "Kernel", cell: ({ kernel }) => <Text of={kernel} max={80} />, kind: "narrow" },
        { title: "Agent", cell: ({ agentVersion }) => <Text of={agentVersion} max={40} />, kind: "narrow" },
        { title: "Id", cell: ({ hostId }) => <code title={hostId}>{shortId(hostId)}</code>, kind: "narrow" },
      ]}
    />
  );
}

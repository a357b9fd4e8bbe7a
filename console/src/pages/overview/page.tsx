import { useMemo, useState } from "preact/hooks";
import type { VNode } from "preact";
import { mayAct, METHODS } from "../../api/index.ts";
import { linkTo } from "../../route/index.ts";
import { Card, Page as Frame, useAll, useWatch } from "../../show/index.ts";
import { presenceOf, type Presence } from "../../fleet/index.ts";
import { AlertTiles, NewestAlerts } from "./alerts.tsx";
import { EventRate } from "./events.tsx";
import { Losses } from "./losses.tsx";
import { Storage } from "./storage.tsx";

const HOSTS = { pageSize: 1000 };
const ACTIVE = { states: ["ALERT_STATE_OPEN" as const, "ALERT_STATE_ACKNOWLEDGED" as const], pageSize: 1000 };

export function Page(): VNode {
  const [nowMs] = useState(() => Date.now());
  const hosts = useAll(METHODS.listHosts, HOSTS, (page) => page.hosts);
  const alerts = useAll(METHODS.listAlerts, ACTIVE, (page) => page.alerts);
  const live = useWatch(METHODS.watchAlerts, {}, alerts.again, alerts.again);
  const presences = useMemo(() => {
    const counts: Record<Presence, number> = { reporting: 0, late: 0, silent: 0 };
    for (const host of hosts.value?.items ?? []) counts[presenceOf(host, nowMs)]++;
    return counts;
  }, [hosts.value, nowMs]);
  return (
    <Frame name="Overview">
      <AlertTiles asked={alerts} />
      <div class="tiles">
        <HostTile presence="reporting" count={presences.reporting} note="in the last 3 minutes" />
        <HostTile presence="late" count={presences.late} note="nothing for 3 minutes" tone="is-warn" />
        <HostTile presence="silent" count={presences.silent} note="nothing for 15 minutes" tone="is-bad" />
        <a class="tile" href="/hosts">
          <span class="tile-name">Hosts</span>
          <span class="tile-value">{hosts.value?.items.length ?? "–"}</span>
          <span class="tile-note">{hosts.value?.isMore === true ? "and more" : "also those that are gone"}</span>
        </a>
      </div>
      <EventRate nowMs={nowMs} />
      <div class="grid is-wide-left">
        <NewestAlerts asked={alerts} live={live} />
        <div class="stack">
          <Losses />
          {mayAct("admin") ? <Storage /> : <Card title="Storage">Storage is told to administrators.</Card>}
        </div>
      </div>
    </Frame>
  );
}

function HostTile({
  presence,
  count,
  note,
  tone = "",
}: {
  presence: Presence;
  count: number;
  note: string;
  tone?: string;
}): VNode {
  return (
    <a class={`tile ${count > 0 ? tone : ""}`} href={linkTo("/hosts", { presence })}>
      <span class="tile-name">{presence}</span>
      <span class="tile-value">{count}</span>
      <span class="tile-note">{note}</span>
    </a>
  );
}

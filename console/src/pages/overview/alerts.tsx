/** Alerts that nobody has closed yet: how many of which severity, and the newest of them. */
import type { VNode } from "preact";
import type { Alert, WatchState } from "../../api/index.ts";
import { stateBadge } from "../../alerting/index.ts";
import { linkTo } from "../../route/index.ts";
import { Ago, type Asked, Card, Empty, Liveness, SeverityLabel, SeverityMark, Shown, Text } from "../../show/index.ts";
import { SEVERITIES, severityOf } from "../../text/index.ts";

type Alerts = Asked<{ items: Alert[]; isMore: boolean }>;

export function AlertTiles({ asked: { value } }: { asked: Alerts }): VNode {
  return (
    <div class="tiles">
      {SEVERITIES.map((severity) => {
        const those = (value?.items ?? []).filter(({ rule }) => severityOf(rule?.severity) === severity);
        const open = those.filter(({ state }) => state === "ALERT_STATE_OPEN").length;
        return (
          <a key={severity} class="tile" href={linkTo("/alerts", { severity })}>
            <span class={`tile-name row is-${severity}`}>
              <SeverityMark of={severity} /> {severity}
            </span>
            <span class="tile-value">{value === undefined ? "–" : those.length}</span>
            <span class="tile-note">
              {value === undefined ? "" : `${open} open, ${those.length - open} acknowledged`}
            </span>
          </a>
        );
      })}
    </div>
  );
}

const NEWEST = 8;

export function NewestAlerts({ asked, live }: { asked: Alerts; live: WatchState }): VNode {
  return (
    <Card title="Newest alerts" flush actions={<Liveness state={live} />}>
      <Shown asked={asked} rows={6}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No alert waits for anybody">New ones show up here as they are made.</Empty>
          ) : (
            <ul>
              {items.slice(0, NEWEST).map((alert) => (
                <li key={alert.id} class="alert-row is-plain">
                  <SeverityLabel of={alert.rule?.severity} />
                  <div class="alert-what">
                    <a class="alert-title sans" href={`/alerts/${alert.id ?? ""}`}>
                      <Text of={alert.title} max={200} />
                    </a>
                    <p class="alert-note">
                      <Text of={(alert.hosts ?? []).map(({ name, id }) => name || id).join(", ")} max={120} />
                    </p>
                  </div>
                  {stateBadge(alert)}
                  <span class="time-cell faint">
                    <Ago value={alert.lastEventTime} />
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </Card>
  );
}

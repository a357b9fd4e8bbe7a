import type { VNode } from "preact";
import { METHODS } from "../../api/index.ts";
import { faultsOf, presenceBadge, presenceOf } from "../../fleet/index.ts";
import { linkTo, type PageProps, place } from "../../route/index.ts";
import { Ago, Badge, Card, Facts, Page as Frame, Shown, Tabs, Text, Time, useAnswer } from "../../show/index.ts";
import { durationText } from "../../time/index.ts";
import { AtMoment } from "./at.tsx";
import { Diff } from "./diff.tsx";
import { LedgerTab } from "./ledger.tsx";
import { TimelineTab } from "./timeline.tsx";

const TABS = ["about", "timeline", "ledger", "diff"] as const;

export function Page({ parameters: { id = "" } }: PageProps): VNode {
  const { query } = place.value;
  const asked = useAnswer(METHODS.getHost, { hostId: id });
  const tab = TABS.find((each) => each === query.get("tab")) ?? "about";
  const link = (to: string): string =>
    linkTo(`/hosts/${id}`, { tab: to === "about" ? "" : to, from: query.get("from") ?? "", to: query.get("to") ?? "" });
  const name = asked.value?.name || id.slice(0, 8);
  return (
    <Frame
      name={name}
      title={<Text of={name} />}
      actions={
        <>
          {asked.value && presenceBadge(presenceOf(asked.value, Date.now()))}
          <a class="button" href={linkTo("/search", { host: id, from: "24h" })}>
            Search its events
          </a>
          <a class="button" href={linkTo("/alerts", { host: id, state: "all" })}>
            Its alerts
          </a>
          <a class="button" href={linkTo("/rules", { host: id })}>
            Rules there
          </a>
          <a class="button" href={linkTo("/verify", { host: id })}>
            Verify
          </a>
        </>
      }
    >
      <Tabs
        label="Parts of the host"
        current={tab}
        tabs={[
          ["about", "About", link("about")],
          ["timeline", "Timeline", link("timeline")],
          ["ledger", "Ledger and gaps", link("ledger")],
          ["diff", "Then and now", link("diff")],
        ]}
      />
      {tab === "about" && (
        <>
          <Shown asked={asked} rows={6}>
            {(host) => (
              <Card title="As it reported last">
                <Facts
                  of={[
                    ["Id", <code key="id">{host.hostId}</code>],
                    ["System", <Text key="os" of={`${host.osName ?? ""} ${host.osVersion ?? ""}`} />],
                    ["Kernel", <Text key="kernel" of={host.kernel} />],
                    ["Architecture", <Text key="arch" of={host.architecture} />],
                    ["Agent", <Text key="agent" of={host.agentVersion} />],
                    ["Fleet's spec", <Text key="spec" of={host.spec} />],
                    ["Boot", <Text key="boot" of={host.bootId} />],
                    ["Received last", <Ago key="received" value={host.lastReceiveTime} />],
                    ["First event", <Time key="first" value={host.firstEventTime} />],
                    ["Last event", <Time key="last" value={host.lastEventTime} />],
                    [
                      "Clock",
                      host.clockOffsetMs === undefined
                        ? "as the collector's"
                        : durationText(Number(host.clockOffsetMs)),
                    ],
                    [
                      "Trail",
                      faultsOf(host).length === 0 ? (
                        <span class="ink-good">● sound</span>
                      ) : (
                        faultsOf(host).map((fault) => (
                          <Badge key={fault} tone="bad">
                            {fault}
                          </Badge>
                        ))
                      ),
                    ],
                  ]}
                />
              </Card>
            )}
          </Shown>
          <AtMoment hostId={id} />
        </>
      )}
      {tab === "timeline" && <TimelineTab hostId={id} />}
      {tab === "ledger" && <LedgerTab hostId={id} />}
      {tab === "diff" && <Diff hostId={id} />}
    </Frame>
  );
}

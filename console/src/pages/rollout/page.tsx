import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type HostRecord, mayAct, METHODS } from "../../api/index.ts";
import { HostLink, presenceOf } from "../../fleet/index.ts";
import { linkTo } from "../../route/index.ts";
import { Ago, type Asked, Card, Empty, Page as Frame, Shown, Table, Text, Time, useAll } from "../../show/index.ts";
import { counted, countText } from "../../text/index.ts";
import { durationText, zoneName } from "../../time/index.ts";
import { byText, medianOf, missingOf, newestOf, sinceEnrolled, type VersionLine } from "./missing.ts";

const REQUEST = { pageSize: 1000 };
const MISSING_SHOWN_MAX = 200;

export function Page(): VNode {
  const [nowMs] = useState(() => Date.now());
  const hosts = useAll(METHODS.listHosts, REQUEST, (page) => page.hosts);
  const maySee = mayAct("responder");
  const identities = useAll(METHODS.listHostIdentities, maySee ? REQUEST : undefined, (page) => page.hostIdentities);
  const missing = useMemo(
    () => missingOf(identities.value?.items ?? [], hosts.value?.items ?? []),
    [identities.value, hosts.value],
  );
  return (
    <Frame name="Rollout">
      <div class="grid">
        <Lines
          title="Agents"
          what="Version"
          asked={hosts}
          textOf={({ agentVersion }) => agentVersion ?? ""}
          nowMs={nowMs}
        />
        <Lines
          title="Systems"
          what="System"
          asked={hosts}
          textOf={({ osName, osVersion }) => `${osName ?? ""} ${osVersion ?? ""}`.trim()}
          nowMs={nowMs}
        />
        <Lines title="Specs" what="Fleet's spec" asked={hosts} textOf={({ spec }) => spec ?? ""} nowMs={nowMs} />
        <Lines title="Kernels" what="Kernel" asked={hosts} textOf={({ kernel }) => kernel ?? ""} nowMs={nowMs} />
      </div>
      <Shown asked={hosts}>{({ items }) => <Arrivals of={items} />}</Shown>
      {maySee && (
        <Card flush title={`Enrolled, and nothing came yet (${countText(missing.length)})`}>
          <Shown asked={identities}>
            {() =>
              missing.length === 0 ? (
                <Empty title="Every enrolled host has reported" />
              ) : (
                <Table
                  caption={`Missing hosts, times in ${zoneName()}`}
                  rows={missing.slice(0, MISSING_SHOWN_MAX)}
                  keyOf={({ hostId = "" }) => hostId}
                  columns={[
                    { title: "Host", cell: ({ hostId, hostName }) => <HostLink id={hostId} name={hostName} /> },
                    {
                      title: "Labels",
                      cell: ({ labels = {} }) => (
                        <Text
                          of={Object.entries(labels)
                            .map(([key, value]) => `${key}=${value}`)
                            .join(", ")}
                        />
                      ),
                    },
                    { title: "Enrolled", cell: ({ enrollTime }) => <Ago value={enrollTime} />, kind: "narrow" },
                    {
                      title: `Certificate until (${zoneName()})`,
                      cell: ({ expireTime }) => <Time value={expireTime} />,
                      kind: "narrow",
                    },
                    { title: "By", cell: ({ proof }) => <Text of={proof} /> },
                  ]}
                />
              )
            }
          </Shown>
        </Card>
      )}
      <Card title="What would change on a host">
        <p class="about">The fleet's spec is a file of yours, so the command line compares it with a host:</p>
        <pre class="source" tabIndex={0}>
          hosttrail plan --spec fleet.yaml --host HOST
        </pre>
      </Card>
    </Frame>
  );
}

/** How soon hosts were of use after they had enrolled. */
function Arrivals({ of: hosts }: { of: readonly HostRecord[] }): VNode | null {
  const newest = newestOf(hosts);
  if (newest.length === 0) return null;
  const took = (timeOf: (host: HostRecord) => string | undefined): string => {
    const median = medianOf(newest.flatMap((host) => sinceEnrolled(host, timeOf(host)) ?? []));
    return median === undefined ? "not known" : durationText(median);
  };
  const cell = (host: HostRecord, time: string | undefined): VNode => {
    const ms = sinceEnrolled(host, time);
    return ms === undefined ? <span class="faint">none known</span> : <span>{durationText(ms)}</span>;
  };
  return (
    <Card flush title="From enrolment to the first event and the first alert">
      <p class="about">
        The median of {counted(newest.length, "host")} that enrolled: {took(({ firstReceiveTime }) => firstReceiveTime)}{" "}
        to the first event, {took(({ firstAlertTime }) => firstAlertTime)} to the first alert.
      </p>
      <Table
        caption="Hosts, those that enrolled last first"
        rows={newest.slice(0, MISSING_SHOWN_MAX)}
        keyOf={({ hostId = "" }) => hostId}
        columns={[
          { title: "Host", cell: ({ hostId, name }) => <HostLink id={hostId} name={name} /> },
          {
            title: "Fleet's spec",
            cell: ({ spec }) => (spec ? <Text of={spec} max={80} /> : <span class="faint">not told</span>),
          },
          { title: "Enrolled", cell: ({ enrollTime }) => <Ago value={enrollTime} />, kind: "narrow" },
          { title: "To the first event", cell: (host) => cell(host, host.firstReceiveTime), kind: "narrow" },
          { title: "To the first alert", cell: (host) => cell(host, host.firstAlertTime), kind: "narrow" },
        ]}
      />
    </Card>
  );
}

interface LinesProps {
  title: string;
  what: string;
  asked: Asked<{ items: HostRecord[]; isMore: boolean }>;
  textOf: (host: HostRecord) => string;
  nowMs: number;
}

function Lines({ title, what, asked, textOf, nowMs }: LinesProps): VNode {
  const silent = ({ hosts }: VersionLine): number =>
    hosts.filter((host) => presenceOf(host, nowMs) === "silent").length;
  return (
    <Card flush title={title}>
      <Shown asked={asked}>
        {({ items }) => (
          <Table
            caption={title}
            rows={byText(items, textOf)}
            keyOf={({ version }) => version}
            columns={[
              {
                title: what,
                cell: ({ version }) =>
                  version === "" ? (
                    <span class="faint">not told</span>
                  ) : (
                    <a href={linkTo("/hosts", { name: version })}>
                      <Text of={version} max={80} />
                    </a>
                  ),
              },
              { title: "Hosts", cell: ({ hosts }) => countText(hosts.length), kind: "number" },
              { title: "Silent", cell: (line) => countText(silent(line)), kind: "number" },
              {
                title: "Share",
                cell: ({ hosts }) => (
                  <span class="meter" title={counted(hosts.length, "host")}>
                    <span style={{ width: `${(hosts.length / Math.max(1, items.length)) * 100}%` }} />
                  </span>
                ),
                kind: "narrow",
              },
            ]}
          />
        )}
      </Shown>
    </Card>
  );
}

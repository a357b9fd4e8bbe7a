import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type HostRecord, mayAct, METHODS } from "../../api/index.ts";
import { HostLink, presenceOf } from "../../fleet/index.ts";
import { linkTo } from "../../route/index.ts";
import { Ago, type Asked, Card, Empty, Page as Frame, Shown, Table, Text, Time, useAll } from "../../show/index.ts";
import { counted, countText } from "../../text/index.ts";
import { zoneName } from "../../time/index.ts";
import { byText, missingOf, type VersionLine } from "./missing.ts";

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
        <Lines title="Kernels" what="Kernel" asked={hosts} textOf={({ kernel }) => kernel ?? ""} nowMs={nowMs} />
      </div>
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

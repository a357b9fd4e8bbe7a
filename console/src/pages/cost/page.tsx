import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type DiskForecast, type HostCost, METHODS } from "../../api/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { linkTo } from "../../route/index.ts";
import {
  Card,
  Empty,
  Facts,
  Page as Frame,
  Shown,
  Table,
  Text,
  useAnswer,
  useProgress,
  useAll,
} from "../../show/index.ts";
import { bytesText, counted, countText } from "../../text/index.ts";
import { durationText, msOf, rfcOf } from "../../time/index.ts";
import { daySums, hostSums } from "./sums.ts";

const REQUEST = { pageSize: 200 };
/** The disk comes with each page. */
const ONE = { pageSize: 1 };
const HOSTS_SHOWN_MAX = 200;
const DAY_MS = 86_400_000;
const MOST_MAX = 15;
/** Nobody waits longer for who makes most. */
const BUDGET = { timeMs: "10000" };

export function Page(): VNode {
  const [nowMs] = useState(() => Date.now());
  const asked = useAll(METHODS.listHostCosts, REQUEST, (page) => page.hostCosts);
  const disk = useAnswer(METHODS.listHostCosts, ONE);
  return (
    <Frame name="Cost">
      <Shown asked={asked} rows={8}>
        {({ items, isMore }) =>
          items.length === 0 ? (
            <Empty title="No host has a whole day yet">
              What it will cost can be told before: hosttrail-agent cost sample counts on a host and keeps nothing.
            </Empty>
          ) : (
            <>
              <Fleet of={items} disk={disk.value?.disk} isMore={isMore} />
              <div class="grid">
                <Most title="Keys of audit rules, last day" field="audit.key" nowMs={nowMs} />
                <Most title="Programs, last day" field="process.executable" nowMs={nowMs} />
              </div>
              <Hosts of={items} />
            </>
          )
        }
      </Shown>
      <Card title="Money, and what if">
        <p class="about">
          Prices and the fleet's spec are files of yours, so the command line puts them together with what is stored. It
          also says which programs could be left out, and which detections that would blind:
        </p>
        <pre class="source" tabIndex={0}>
          hosttrail cost forecast --spec fleet.yaml --prices prices.yaml --without KEY --retention 90
        </pre>
      </Card>
    </Frame>
  );
}

interface FleetProps {
  of: readonly HostCost[];
  disk: DiskForecast | undefined;
  isMore: boolean;
}

function Fleet({ of: hosts, disk, isMore }: FleetProps): VNode {
  const sums = useMemo(() => hostSums(hosts), [hosts]);
  const days = useMemo(() => daySums(hosts), [hosts]);
  const all = (of: (host: (typeof sums)[number]) => number): number => sums.reduce((sum, host) => sum + of(host), 0);
  const fullMs = msOf(disk?.fullTime);
  const most = Math.max(1, ...days.map(({ bytes }) => bytes));
  return (
    <div class="grid">
      <Card title="The fleet">
        <Facts
          of={[
            ["Hosts", countText(sums.length)],
            ["Events a day", countText(Math.round(all(({ events }) => events)))],
            ["Stored a day", bytesText(all(({ bytes }) => bytes))],
            ["Stored once all is kept for its time", bytesText(all(({ restBytes }) => restBytes))],
            [
              "Disk",
              disk === undefined
                ? "told to those who may see all hosts"
                : `${bytesText(disk.usedBytes)} of ${bytesText(disk.totalBytes)}`,
            ],
            [
              "Disk full",
              fullMs === undefined
                ? "it does not fill, or too little is known"
                : `in ${durationText(fullMs - Date.now())}`,
            ],
          ]}
        />
        {isMore && <p class="ink-warn">There are more hosts than were read.</p>}
      </Card>
      <Card flush title="Day by day (UTC)">
        <Table
          caption="What was stored, by day"
          rows={days}
          keyOf={({ day }) => day}
          columns={[
            { title: "Day", cell: ({ day }) => day, kind: "narrow" },
            { title: "Events", cell: ({ events }) => countText(events), kind: "number" },
            { title: "Stored", cell: ({ bytes }) => bytesText(bytes), kind: "number" },
            {
              title: "Beside the most",
              cell: ({ bytes }) => (
                <span class="meter" title={bytesText(bytes)}>
                  <span style={{ width: `${(bytes / most) * 100}%` }} />
                </span>
              ),
              kind: "narrow",
            },
          ]}
        />
      </Card>
    </div>
  );
}

/** Whatever makes most events: each leads to them. */
function Most({ title, field, nowMs }: { title: string; field: string; nowMs: number }): VNode {
  const range = useMemo(() => ({ from: rfcOf(nowMs - DAY_MS), to: rfcOf(nowMs) }), [nowMs]);
  const request = useMemo(
    () => ({ startTime: range.from, endTime: range.to, groupBy: [field], limit: MOST_MAX, budget: BUDGET }),
    [range, field],
  );
  const asked = useProgress(METHODS.aggregateEvents, request);
  return (
    <Card flush title={title}>
      <Shown asked={asked} rows={4}>
        {({ groups = [], events, groupsLeftOut }) => {
          const told = groups.flatMap(({ values: [value] = [], count }) =>
            value?.text === undefined ? [] : [{ text: value.text, count: Number(count ?? 0) }],
          );
          return told.length === 0 ? (
            <Empty title="Nothing came in the last day" />
          ) : (
            <>
              <Table
                caption={title}
                rows={told}
                keyOf={({ text }) => text}
                columns={[
                  {
                    title: field,
                    cell: ({ text }) => (
                      <a href={linkTo("/search", { q: `${field} = ${JSON.stringify(text)}`, ...range })}>
                        <Text of={text} max={80} />
                      </a>
                    ),
                  },
                  { title: "Events", cell: ({ count }) => countText(count), kind: "number" },
                  {
                    title: "Of all",
                    cell: ({ count }) => `${((count / Math.max(1, Number(events ?? 0))) * 100).toFixed(1)} %`,
                    kind: "number",
                  },
                ]}
              />
              {Number(groupsLeftOut ?? 0) > 0 && <p class="more faint">and {countText(groupsLeftOut)} more</p>}
            </>
          );
        }}
      </Shown>
    </Card>
  );
}

function Hosts({ of: hosts }: { of: readonly HostCost[] }): VNode {
  const sums = useMemo(() => hostSums(hosts), [hosts]);
  return (
    <Card flush title={`${counted(sums.length, "host")}, those that take most first`}>
      <Table
        caption="Hosts by what they take"
        rows={sums.slice(0, HOSTS_SHOWN_MAX)}
        keyOf={({ hostId }) => hostId}
        columns={[
          { title: "Host", cell: ({ hostId, name }) => <HostLink id={hostId} name={name} /> },
          { title: "Events a day", cell: ({ events }) => countText(Math.round(events)), kind: "number" },
          { title: "Stored a day", cell: ({ bytes }) => bytesText(bytes), kind: "number" },
          { title: "Kept for", cell: ({ keepDays }) => counted(keepDays, "day"), kind: "number" },
          { title: "Stored in the end", cell: ({ restBytes }) => bytesText(restBytes), kind: "number" },
        ]}
      />
    </Card>
  );
}

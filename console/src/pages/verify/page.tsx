import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import {
  type CallError,
  callStream,
  type HostVerdict,
  METHODS,
  type TrailFinding,
  type VerifyProgress,
} from "../../api/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { place, setQuery } from "../../route/index.ts";
import {
  Card,
  Empty,
  Failure,
  Page as Frame,
  RangePicker,
  Table,
  Text,
  Time,
  type Tone,
  wordBadge,
} from "../../show/index.ts";
import { counted, countText, printable } from "../../text/index.ts";
import { askedRange, zoneName } from "../../time/index.ts";
import { Evidence } from "./export.tsx";

const TONES: Readonly<Record<string, Tone>> = {
  verified: "good",
  incomplete: "warn",
  altered: "bad",
  "not checked": "warn",
};

const MEANS: readonly (readonly [string, string])[] = [
  ["verified", "all blocks of the time are there, as their host sealed them"],
  ["incomplete", "what is there is right, and something is missing"],
  ["altered", "something that is stored is not what its host sealed"],
  ["not checked", "something could not be checked, so nothing is said"],
];

export function Page(): VNode {
  const { query } = place.value;
  const [from, to, host] = [query.get("from") ?? "24h", query.get("to") ?? "", query.get("host") ?? ""];
  const [verdicts, setVerdicts] = useState<readonly HostVerdict[]>([]);
  const [progress, setProgress] = useState<VerifyProgress>();
  const [error, setError] = useState<CallError>();
  const [state, setState] = useState<"idle" | "running" | "done">("idle");
  const [checkpoint, setCheckpoint] = useState("");
  const stopping = useRef(new AbortController());
  useEffect(() => () => stopping.current.abort(), []);
  const start = async (): Promise<void> => {
    stopping.current.abort();
    stopping.current = new AbortController();
    const { signal } = stopping.current;
    setVerdicts([]);
    setError(undefined);
    setProgress(undefined);
    setState("running");
    const request = {
      ...askedRange({ from: from === "all" ? "" : from, to }, Date.now()),
      ...(host !== "" && { hosts: { hostIds: [host] } }),
    };
    const failure = await callStream(
      METHODS.verifyTrail,
      request,
      (answer) => {
        if (answer.progress !== undefined) setProgress(answer.progress);
        const { host: verdict } = answer;
        if (verdict !== undefined) setVerdicts((before) => [...before, verdict]);
        if (answer.checkpoint?.note !== undefined) setCheckpoint(answer.checkpoint.note);
      },
      signal,
    );
    if (signal.aborted) return;
    setError(failure);
    setState("done");
  };
  return (
    <Frame name="Verify">
      <Card title="Is it all there, as the hosts sealed it?">
        <p class="about">
          Each block is made again from what is stored; hashes, signatures, certificates, chain and numbers are checked,
          and the heads are held against the transparency log.
        </p>
        <div class="row">
          <RangePicker
            range={{ from: from === "all" ? "" : from, to }}
            onRange={(range) => setQuery({ from: range.from === "" ? "all" : range.from, to: range.to })}
          />
          {host === "" ? (
            <span class="soft">all hosts that you may see</span>
          ) : (
            <span class="row">
              only <HostLink id={host} />
              <button type="button" class="button is-small" onClick={() => setQuery({ host: "" })}>
                All hosts
              </button>
            </span>
          )}
          {state === "running" ? (
            <button
              type="button"
              class="button"
              onClick={() => {
                stopping.current.abort();
                setState("done");
              }}
            >
              Stop
            </button>
          ) : (
            <button type="button" class="button is-main" onClick={() => void start()}>
              Verify
            </button>
          )}
          {state === "running" && (
            <span class="soft" role="status">
              {countText(progress?.hostsDone)} of {counted(progress?.hosts, "host")}, {countText(progress?.eventsDone)}{" "}
              of {counted(progress?.events, "event")} of this one
            </span>
          )}
        </div>
      </Card>
      {error !== undefined && <Failure error={error} again={() => void start()} />}
      {verdicts.length > 0 && <Verdicts of={verdicts} />}
      {state === "done" && verdicts.length === 0 && error === undefined && (
        <Empty title="There was nothing to verify" />
      )}
      {state === "idle" && (
        <Card title="What the answer can be">
          <ul class="stack">
            {MEANS.map(([word, means]) => (
              <li key={word} class="row">
                {wordBadge(word, "", TONES)} {means}
              </li>
            ))}
          </ul>
        </Card>
      )}
      {checkpoint !== "" && (
        <Card title="Checkpoint of the transparency log">
          <pre>
            <Text of={checkpoint} lines />
          </pre>
        </Card>
      )}
      <Evidence key={host} host={host} from={from} to={to} />
    </Frame>
  );
}

const WORST = ["VERDICT_ALTERED", "VERDICT_INCOMPLETE", "VERDICT_NOT_CHECKED", "VERDICT_VERIFIED"];

function Verdicts({ of: verdicts }: { of: readonly HostVerdict[] }): VNode {
  const sorted = verdicts.toSorted(
    (one, other) => WORST.indexOf(one.verdict ?? "") - WORST.indexOf(other.verdict ?? ""),
  );
  return (
    <>
      <Card flush title={counted(verdicts.length, "host")}>
        <Table
          caption={`Verdicts, times in ${zoneName()}`}
          rows={sorted}
          keyOf={({ hostId = "" }) => hostId}
          columns={[
            { title: "Verdict", cell: ({ verdict }) => wordBadge(verdict, "VERDICT", TONES), kind: "narrow" },
            { title: "Host", cell: ({ hostId, hostName }) => <HostLink id={hostId} name={hostName} /> },
            { title: "Blocks", cell: ({ blocks }) => countText(blocks), kind: "number" },
            { title: "Events", cell: ({ events }) => countText(events), kind: "number" },
            {
              title: `From (${zoneName()})`,
              cell: ({ firstEventTime }) => <Time value={firstEventTime} />,
              kind: "narrow",
            },
            {
              title: `To (${zoneName()})`,
              cell: ({ lastEventTime }) => <Time value={lastEventTime} />,
              kind: "narrow",
            },
            {
              title: "Notes",
              cell: ({ notes = [] }) =>
                notes.map(({ reason, detail }) => (
                  <span key={`${reason}${detail}`} title={printable(detail ?? "")}>
                    {reason?.toLowerCase().replaceAll("_", " ")}{" "}
                  </span>
                )),
            },
          ]}
        />
      </Card>
      {sorted.flatMap(({ hostId = "", hostName, findings = [], moreFindings }) =>
        findings.length === 0
          ? []
          : [<Findings key={hostId} name={hostName || hostId} findings={findings} more={Number(moreFindings ?? 0)} />],
      )}
    </>
  );
}

function Findings({ name, findings, more }: { name: string; findings: readonly TrailFinding[]; more: number }): VNode {
  return (
    <Card flush title={<Text of={name} />}>
      <Table
        caption="Findings, the worst first"
        rows={findings}
        keyOf={({ reason, subject, epoch, firstSeq, detail }) => `${reason}${subject}${epoch}${firstSeq}${detail}`}
        columns={[
          { title: "Verdict", cell: ({ verdict }) => wordBadge(verdict, "VERDICT", TONES), kind: "narrow" },
          { title: "Why", cell: ({ reason }) => reason?.toLowerCase().replaceAll("_", " "), kind: "narrow" },
          { title: "What", cell: ({ detail }) => <Text of={detail} />, kind: "wide" },
          {
            title: `Between (${zoneName()})`,
            cell: ({ earliestTime, latestTime }) =>
              earliestTime === undefined && latestTime === undefined ? null : (
                <span>
                  <Time value={earliestTime} /> – <Time value={latestTime} />
                </span>
              ),
            kind: "narrow",
          },
          {
            title: "Who says so",
            cell: ({ evidence, admitted }) => `${evidence ?? ""}${admitted === true ? ", and the host admits it" : ""}`,
          },
        ]}
      />
      {more > 0 && <p class="more faint">{counted(more, "finding")} more.</p>}
    </Card>
  );
}

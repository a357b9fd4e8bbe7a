/** Who called what, newest first. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type AuditEntry, call, type CallError, METHODS } from "../../api/index.ts";
import { Badge, Card, Empty, Failure, Table, Text, Time } from "../../show/index.ts";
import { countText } from "../../text/index.ts";
import { zoneName } from "../../time/index.ts";

const PAGE_SIZE = 200;

export function Calls(): VNode {
  const [entries, setEntries] = useState<readonly AuditEntry[]>([]);
  const [token, setToken] = useState("");
  const [error, setError] = useState<CallError>();
  const [isLoaded, setLoaded] = useState(false);
  const read = async (pageToken: string): Promise<void> => {
    const answer = await call(METHODS.listAuditEntries, { pageSize: PAGE_SIZE, pageToken });
    setLoaded(true);
    setError(answer.error);
    if (answer.error !== undefined) return;
    setEntries((before) => [...(pageToken === "" ? [] : before), ...(answer.value.auditEntries ?? [])]);
    setToken(answer.value.nextPageToken ?? "");
  };
  useEffect(() => void read(""), []);
  return (
    <Card
      flush
      title="Record of calls"
      actions={
        <button type="button" class="button" onClick={() => void read("")}>
          Read again
        </button>
      }
    >
      {error !== undefined && <Failure error={error} again={() => void read("")} />}
      {isLoaded && entries.length === 0 && error === undefined && <Empty title="No call is recorded" />}
      {entries.length > 0 && (
        <Table
          caption={`Calls, times in ${zoneName()}`}
          rows={entries}
          keyOf={({ id = "" }) => id}
          columns={[
            { title: `Time (${zoneName()})`, cell: ({ time }) => <Time value={time} />, kind: "narrow" },
            { title: "Caller", cell: ({ caller }) => <Text of={caller || "unknown"} max={80} />, kind: "narrow" },
            {
              title: "Method",
              cell: ({ method }) => <Text of={(method ?? "").replace("/hosttrail.v1.", "")} />,
              kind: "narrow",
            },
            {
              title: "Status",
              cell: ({ status }) => (
                <Badge tone={status === "OK" || status === "STARTED" ? "plain" : "warn"}>{status}</Badge>
              ),
              kind: "narrow",
            },
            { title: "Results", cell: ({ results }) => countText(results), kind: "number" },
            { title: "Asked", cell: ({ request }) => <Text of={request} max={160} />, kind: "wide" },
            { title: "From", cell: ({ peerAddress }) => <Text of={peerAddress} />, kind: "narrow" },
          ]}
        />
      )}
      {token !== "" && (
        <p class="more">
          <button type="button" class="button" onClick={() => void read(token)}>
            Older calls
          </button>
        </p>
      )}
    </Card>
  );
}

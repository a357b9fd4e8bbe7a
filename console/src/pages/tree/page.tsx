import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { type GetProcessTreeRequest, METHODS } from "../../api/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { linkTo, place } from "../../route/index.ts";
import { Card, Completion, Empty, Page as Frame, Shown, useAnswer } from "../../show/index.ts";
import { counted } from "../../text/index.ts";
import { momentMs, rfcOf, zoneName } from "../../time/index.ts";
import { TreeGrid } from "./grid.tsx";

const NODES_MAX = 1000;

export function Page(): VNode {
  const { query } = place.value;
  const host = query.get("host") ?? "";
  const request = useMemo(() => requestOf(query), [query]);
  const asked = useAnswer(METHODS.getProcessTree, request);
  const alert = query.get("alert");
  const hostId = asked.value?.hostId ?? host;
  const named = useAnswer(METHODS.getHost, hostId === "" ? undefined : { hostId });
  return (
    <Frame
      name="Process tree"
      actions={
        <>
          <HostLink id={hostId} name={named.value?.name} at={query.get("at") ?? undefined} />
          {alert !== null && (
            <a class="button" href={`/alerts/${alert}`}>
              Back to the alert
            </a>
          )}
          <a class="button" href={linkTo(`/hosts/${hostId}`, { tab: "timeline" })}>
            Timeline
          </a>
        </>
      }
    >
      {request === undefined ? (
        <Empty title="Which process?">
          A tree is of an alert, an event, or a process of a host at a moment: open it from one of these.
        </Empty>
      ) : (
        <Card
          flush
          title={
            <span>
              Who started what <span class="faint">times in {zoneName()}</span>
            </span>
          }
        >
          <Shown asked={asked} rows={12}>
            {(tree) => (
              <>
                <TreeGrid tree={tree} />
                {Number(tree.nodesLeftOut ?? 0) > 0 && (
                  <p class="more ink-warn">
                    {counted(tree.nodesLeftOut, "process", "processes")} left out: there are too many.
                  </p>
                )}
                <Completion of={tree.completeness} />
              </>
            )}
          </Shown>
        </Card>
      )}
    </Frame>
  );
}

/** Undefined where the link names no process. */
function requestOf(query: URLSearchParams): GetProcessTreeRequest | undefined {
  const ms = momentMs(query.get("at") ?? "", Date.now());
  const about = {
    hostId: query.get("host") ?? "",
    limit: NODES_MAX,
    ...(ms !== undefined && { time: rfcOf(ms) }),
  };
  const [alertId, eventId, entityId, pid] = ["alert", "event", "entity", "pid"].map((key) => query.get(key) ?? "");
  if (alertId) return { ...about, alertId };
  if (eventId) return { ...about, eventId };
  if (entityId) return { ...about, entityId };
  return pid !== undefined && /^\d{1,10}$/.test(pid) ? { ...about, pid: Number(pid) } : undefined;
}

/** What was lost in the last day, by the ledgers of all hosts. */
import type { VNode } from "preact";
import { type Ledger, METHODS } from "../../api/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { Card, Shown, useAll, wordBadge } from "../../show/index.ts";
import { counted } from "../../text/index.ts";

const REQUEST = { pageSize: 200 };
const SHOWN_MAX = 6;

export function Losses(): VNode {
  const asked = useAll(METHODS.listLedgers, REQUEST, (page) => page.ledgers);
  return (
    <Card title="Was anything lost? (last day)">
      <Shown asked={asked}>
        {({ items }) => {
          const faulty = items.filter(
            ({ state }) => state === "LEDGER_STATE_LOSS" || state === "LEDGER_STATE_UNBALANCED",
          );
          if (items.length === 0) return <p class="faint">No agent told its ledger in this time.</p>;
          if (faulty.length === 0)
            return (
              <p>
                <span class="ink-good">● Nothing known to be lost</span> on {counted(items.length, "host")}.
              </p>
            );
          return (
            <>
              <p class="ink-bad">
                ▲ {counted(faulty.length, "host")} of {items.length} lost events.
              </p>
              <ul>
                {faulty.slice(0, SHOWN_MAX).map((ledger) => (
                  <LossLine key={ledger.hostId} of={ledger} />
                ))}
              </ul>
            </>
          );
        }}
      </Shown>
    </Card>
  );
}

function LossLine({ of: { hostId, hostName, state } }: { of: Ledger }): VNode {
  return (
    <li class="row">
      <HostLink id={hostId} name={hostName} />
      {wordBadge(state, "LEDGER_STATE", { loss: "bad", unbalanced: "bad" })}
    </li>
  );
}

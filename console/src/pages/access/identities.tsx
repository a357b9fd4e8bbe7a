/** Hosts that enrolled, and taking an identity away for good. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { call, type HostIdentity, METHODS } from "../../api/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { Badge, Card, Dialog, Empty, Field, say, Shown, Table, Text, Time, useAll, valueIn } from "../../show/index.ts";
import { zoneName } from "../../time/index.ts";
import { labelsText } from "./labels.ts";

const REQUEST = { pageSize: 500 };

export function HostIdentities(): VNode {
  const asked = useAll(METHODS.listHostIdentities, REQUEST, (page) => page.hostIdentities);
  const [revoked, setRevoked] = useState<HostIdentity>();
  return (
    <Card flush title="Enrolled hosts">
      <Shown asked={asked} rows={8}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No host has enrolled">An enrolment token lets hosts enrol by themselves.</Empty>
          ) : (
            <Table
              caption={`Enrolled hosts, times in ${zoneName()}`}
              rows={items}
              keyOf={({ hostId = "" }) => hostId}
              columns={[
                { title: "Host", cell: ({ hostId, hostName }) => <HostLink id={hostId} name={hostName} /> },
                { title: "State", cell: stateOf, kind: "narrow" },
                { title: "Labels", cell: ({ labels }) => <Text of={labelsText(labels)} /> },
                { title: "By", cell: ({ proof }) => <Text of={proof} /> },
                {
                  title: `Enrolled (${zoneName()})`,
                  cell: ({ enrollTime }) => <Time value={enrollTime} />,
                  kind: "narrow",
                },
                {
                  title: `Certificate until (${zoneName()})`,
                  cell: ({ expireTime }) => <Time value={expireTime} />,
                  kind: "narrow",
                },
                {
                  title: <span class="unseen">What can be done</span>,
                  cell: (identity) =>
                    identity.revokeTime === undefined && (
                      <button type="button" class="button is-small is-bad" onClick={() => setRevoked(identity)}>
                        Revoke…
                      </button>
                    ),
                  kind: "narrow",
                },
              ]}
            />
          )
        }
      </Shown>
      {revoked !== undefined && (
        <RevokeDialog of={revoked} onClose={() => setRevoked(undefined)} onDone={asked.again} />
      )}
    </Card>
  );
}

function stateOf({ revokeTime, cloned }: HostIdentity): VNode {
  if (revokeTime !== undefined) return <Badge tone="bad">revoked</Badge>;
  return cloned === true ? <Badge tone="warn">copied</Badge> : <Badge tone="good">valid</Badge>;
}

function RevokeDialog({
  of: { hostId = "", hostName },
  onClose,
  onDone,
}: {
  of: HostIdentity;
  onClose: () => void;
  onDone: () => void;
}): VNode {
  const [reason, setReason] = useState("");
  const revoke = async (): Promise<void> => {
    const { error } = await call(METHODS.revokeHost, { hostId, reason: reason.trim() });
    if (error !== undefined) return say(`Not revoked: ${error.message}`, true);
    say("Revoked: its streams end within seconds");
    onDone();
    onClose();
  };
  return (
    <Dialog title="Revoke a host" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (reason.trim() !== "") void revoke();
        }}
      >
        <p>
          <Text of={hostName || hostId} /> loses its identity for good. What it sent is kept.
        </p>
        <Field label="Reason" hint="For the record">
          {(attributes) => (
            <input {...attributes} type="text" value={reason} onInput={(event) => setReason(valueIn(event))} />
          )}
        </Field>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button is-main" disabled={reason.trim() === ""}>
            Revoke
          </button>
        </div>
      </form>
    </Dialog>
  );
}

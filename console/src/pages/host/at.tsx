/** The host as it was at a moment. */
import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { METHODS } from "../../api/index.ts";
import { place, setQuery } from "../../route/index.ts";
import { Badge, Card, Completion, Facts, Field, Shown, Text, Time, useAnswer, valueIn } from "../../show/index.ts";
import { momentMs, readMoment, rfcOf, zoneName } from "../../time/index.ts";

export function AtMoment({ hostId }: { hostId: string }): VNode {
  const at = place.value.query.get("at") ?? "";
  const [typed, setTyped] = useState(at);
  const moment = readMoment(typed);
  const request = useMemo(() => {
    const ms = momentMs(at, Date.now());
    return { hostId, time: rfcOf(ms ?? Date.now()) };
  }, [hostId, at]);
  const asked = useAnswer(METHODS.getHostAt, request);
  return (
    <Card title="As it was at a moment">
      <form
        class="row is-top"
        onSubmit={(event) => {
          event.preventDefault();
          if (moment !== undefined) setQuery({ at: moment });
        }}
      >
        <Field
          label={`Moment (${zoneName()})`}
          hint="Empty: now"
          error={moment === undefined ? "allowed are 2026-01-31 12:00, RFC 3339, 2h, 7d before now" : undefined}
        >
          {(attributes) => (
            <input {...attributes} type="text" value={typed} onInput={(event) => setTyped(valueIn(event))} />
          )}
        </Field>
        <button type="submit" class="button beside-field" disabled={moment === undefined}>
          Look
        </button>
      </form>
      <Shown asked={asked}>
        {({ host, cloud, labels = {}, asOfTime, wasReporting, completeness }) => (
          <div class="stack">
            <Facts
              of={[
                ["As of", <Time key="as-of" value={asOfTime} />],
                [
                  "Reported then",
                  wasReporting === true ? <Badge tone="good">yes</Badge> : <Badge tone="warn">no</Badge>,
                ],
                ["Name", <Text key="name" of={host?.name} />],
                ["System", <Text key="os" of={`${host?.osName ?? ""} ${host?.osVersion ?? ""}`} />],
                ["Kernel", <Text key="kernel" of={host?.kernel} />],
                ["Addresses", <Text key="ip" of={(host?.ip ?? []).join(", ")} />],
                ["Boot", <Text key="boot" of={host?.bootId} />],
                ["Installation", <Text key="machine" of={host?.machineId} />],
                [
                  "Labels",
                  <Text
                    key="labels"
                    of={Object.entries(labels)
                      .map(([key, value]) => `${key}=${value}`)
                      .join(", ")}
                  />,
                ],
                [
                  "Cloud",
                  <Text
                    key="cloud"
                    of={[cloud?.provider, cloud?.region, cloud?.instanceId].filter(Boolean).join(" · ")}
                  />,
                ],
              ]}
            />
            <Completion of={completeness} />
          </div>
        )}
      </Shown>
    </Card>
  );
}

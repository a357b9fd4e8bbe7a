/** What an alert is about, and what to ask next. */
import type { VNode } from "preact";
import type { Alert } from "../../api/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { linkTo } from "../../route/index.ts";
import { Card, Facts, Text, Time } from "../../show/index.ts";
import { counted } from "../../text/index.ts";
import { durationText } from "../../time/index.ts";
import { nextQuestions } from "./next.ts";

export function About({ of: alert }: { of: Alert }): VNode {
  const { rule, group = [], hosts = [], count, truncated, firstEventTime, lastEventTime, createTime, lateMs } = alert;
  return (
    <Card title="What it is">
      {rule?.description !== undefined && (
        <p class="sans about">
          <Text of={rule.description} lines />
        </p>
      )}
      <Facts
        of={[
          [
            "Rule",
            <a key="rule" href={linkTo("/rules", { rule: rule?.key })}>
              <Text of={rule?.title} />
            </a>,
          ],
          ["Hosts", hosts.map(({ id, name }) => <HostLink key={id} id={id} name={name} at={firstEventTime} />)],
          ["First event", <Time key="first" value={firstEventTime} detail="millisecond" />],
          ["Last event", <Time key="last" value={lastEventTime} detail="millisecond" />],
          ["Events", `${counted(count, "event")}${truncated === true ? " or more" : ""}`],
          [
            "Raised",
            <span key="raised">
              <Time value={createTime} />
              {lateMs !== undefined && ` · its event came ${durationText(Number(lateMs))} late`}
            </span>,
          ],
          ...group
            .filter(({ field }) => field !== "host.id")
            .map(({ field = "", value }) => [field, <Text key={field} of={value} />] as const),
          ["Techniques", (rule?.tags ?? []).join(", ")],
        ]}
      />
    </Card>
  );
}

export function NextQuestions({ of: alert }: { of: Alert }): VNode {
  const { falsePositives = [], references = [] } = alert.rule ?? {};
  return (
    <Card title="What to ask next">
      <nav class="next" aria-label="What to ask next">
        {nextQuestions(alert).map(({ title, href }) => (
          <a key={title} href={href}>
            {title}
          </a>
        ))}
      </nav>
      {falsePositives.length > 0 && (
        <section>
          <h3 class="below">Known to be harmless</h3>
          <ul class="sans">
            {falsePositives.map((text) => (
              <li key={text}>
                <Text of={text} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {references.length > 0 && (
        <section>
          <h3 class="below">References</h3>
          <ul>
            {references.map((text) => (
              // Whoever wrote the rule chose it: shown as text, for people to judge, and no link.
              <li key={text}>
                <Text of={text} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </Card>
  );
}

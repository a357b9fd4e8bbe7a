/** Where rules can fire, by the audit rules that hosts have loaded, and the lines that are missing. */
import type { VNode } from "preact";
import { type CheckedRule, METHODS } from "../../api/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { linkTo } from "../../route/index.ts";
import { Badge, Empty, Shown, Text, Time, useAnswer } from "../../show/index.ts";
import { counted, countText } from "../../text/index.ts";

interface Count {
  firing: number;
  mute: number;
}

function countOf({ hostsFiring, hostsMute }: CheckedRule): Count {
  return { firing: Number(hostsFiring ?? 0), mute: Number(hostsMute ?? 0) };
}

/** It cannot fire on some host that it is for. */
export function isMute(checked: CheckedRule | undefined): boolean {
  return checked !== undefined && countOf(checked).mute > 0;
}

/** `hostId` is of the one host that was asked about; empty for the fleet. */
export function Fires({ of: checked, hostId }: { of: CheckedRule | undefined; hostId: string }): VNode {
  if (checked === undefined) return <span class="faint">–</span>;
  const { firing, mute } = countOf(checked);
  if (firing + mute === 0) return <span class="faint">not known</span>;
  if (hostId !== "") return mute === 0 ? <Badge tone="good">fires here</Badge> : <Badge tone="bad">cannot fire</Badge>;
  if (mute === 0) return <Badge tone="good">{`on all ${countText(firing)}`}</Badge>;
  return <Badge tone={firing === 0 ? "bad" : "warn"}>{`on ${countText(firing)} of ${countText(firing + mute)}`}</Badge>;
}

/** One rule: on which hosts it cannot fire, why, and what to add there. */
export function WhereItFires({ ruleKey, hostId }: { ruleKey: string; hostId: string }): VNode {
  const asked = useAnswer(METHODS.checkRules, { key: ruleKey, hostId });
  return (
    <section class="stack">
      <h3>Where it can fire</h3>
      <Shown asked={asked} rows={2}>
        {({ rules = [], hostsUnknown, profileTime, auditRules, problem }) => (
          <>
            {hostId !== "" && (
              <p class="soft">
                On <HostLink id={hostId} />
                {profileTime !== undefined && (
                  <>
                    , by {counted(auditRules ?? 0, "audit rule")} that it told <Time value={profileTime} />
                  </>
                )}
                . <a href={linkTo("/rules", { rule: ruleKey })}>The whole fleet</a>
              </p>
            )}
            {problem && (
              <p class="ink-warn">
                <Text of={problem} />
              </p>
            )}
            {rules[0] === undefined ? (
              <Empty title="It needs no audit rule, or is not used" />
            ) : (
              <Standing of={rules[0]} hostId={hostId} />
            )}
            {hostId === "" && Number(hostsUnknown ?? 0) > 0 && (
              <p class="soft">Of {counted(hostsUnknown, "other host")} it is not known which audit rules they have.</p>
            )}
          </>
        )}
      </Shown>
    </section>
  );
}

function Standing({ of: checked, hostId }: { of: CheckedRule; hostId: string }): VNode {
  const { reasons = [], missing = [] } = checked;
  return (
    <>
      <p>
        <Fires of={checked} hostId={hostId} />
      </p>
      {reasons.map((reason) => (
        <p key={reason} class={isMute(checked) ? "ink-bad" : "ink-warn"}>
          <Text of={reason} />
        </p>
      ))}
      {missing.map(({ line, hosts, hostIds = [], required }) => (
        <div key={`${line}${required}`}>
          <p class="small soft">
            {required === true ? "Missing" : "Missing for all that it looks for"}
            {hostId === "" && (
              <>
                {" "}
                on {counted(hosts, "host")}:{" "}
                {hostIds.map((id) => (
                  <span key={id}>
                    <HostLink id={id} />{" "}
                  </span>
                ))}
              </>
            )}
          </p>
          <pre class="source" tabIndex={0} aria-label="Audit rule that is missing">
            <Text of={line} />
          </pre>
        </div>
      ))}
    </>
  );
}

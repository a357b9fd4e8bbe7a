import type { VNode } from "preact";
import { mayAct } from "../../api/index.ts";
import { linkTo, place } from "../../route/index.ts";
import { Page as Frame, Tabs } from "../../show/index.ts";
import { HostIdentities } from "./identities.tsx";
import { Calls } from "./calls.tsx";
import { ApiTokens, EnrollmentTokens } from "./tokens.tsx";

const TABS = ["hosts", "tokens", "enrollment", "calls"] as const;

export function Page(): VNode {
  const tab = TABS.find((each) => each === place.value.query.get("tab")) ?? "hosts";
  const link = (to: string): string => linkTo("/access", { tab: to === "hosts" ? "" : to });
  const isAdmin = mayAct("admin");
  return (
    <Frame name="Access">
      <Tabs
        label="Parts of access"
        current={tab}
        tabs={[
          ["hosts", "Hosts", link("hosts")],
          ...(isAdmin
            ? ([
                ["tokens", "API tokens", link("tokens")],
                ["enrollment", "Enrolment tokens", link("enrollment")],
                ["calls", "Record of calls", link("calls")],
              ] as const)
            : []),
        ]}
      />
      {tab === "hosts" && <HostIdentities />}
      {tab === "tokens" && <ApiTokens />}
      {tab === "enrollment" && <EnrollmentTokens />}
      {tab === "calls" && <Calls />}
    </Frame>
  );
}

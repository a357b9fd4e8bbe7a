import type { VNode } from "preact";
import { useState } from "preact/hooks";
import {
  type Alert,
  type Answer,
  call,
  type CloseReason,
  mayAct,
  METHODS,
  standing,
  type WatchAlertsResponse,
} from "../../api/index.ts";
import { CloseDialog, stateBadge } from "../../alerting/index.ts";
import { linkTo, type PageProps } from "../../route/index.ts";
import { Page as Frame, say, SeverityLabel, Shown, Text, useAnswer, useWatch } from "../../show/index.ts";
import { Events } from "./events.tsx";
import { ExceptionDialog } from "./exception.tsx";
import { History } from "./history.tsx";
import { About, NextQuestions } from "./about.tsx";

export function Page({ parameters: { id = "" } }: PageProps): VNode {
  const asked = useAnswer(METHODS.getAlert, { id });
  const { value: alert, put, again } = asked;
  // A change of another one is nothing to this page; of this one it may lack events, so it is read again.
  const take = ({ change }: WatchAlertsResponse): void => {
    if (change?.alert?.id === id) again();
  };
  const [host] = alert?.hosts ?? [];
  useWatch(METHODS.watchAlerts, host?.id === undefined ? undefined : { hostId: host.id }, take, again);
  const work = async (done: string, working: Promise<Answer<Alert>>): Promise<boolean> => {
    const { value, error } = await working;
    if (error !== undefined) {
      say(`Not ${done}: ${error.message}`, true);
      return false;
    }
    put({ ...value, ...(value.events === undefined && alert?.events !== undefined && { events: alert.events }) });
    say(`Alert ${done}`);
    return true;
  };
  return (
    <Frame
      name={alert?.title ?? "Alert"}
      title={alert === undefined ? "Alert" : <Text of={alert.title} max={300} />}
      actions={alert !== undefined && <Actions alert={alert} work={work} />}
    >
      <Shown asked={asked} rows={8}>
        {(shown) => (
          <div class="stack">
            <div class="row">
              <SeverityLabel of={shown.rule?.severity} />
              {stateBadge(shown)}
              {shown.assignee !== undefined && (
                <span class="soft">
                  assigned to <Text of={shown.assignee} />
                </span>
              )}
              <a class="button is-main push" href={linkTo("/tree", { alert: id, host: shown.hosts?.[0]?.id })}>
                Process tree
              </a>
            </div>
            <About of={shown} />
            <Events of={shown} />
            <div class="grid is-wide-left">
              <History
                of={shown}
                onNote={async (text) => await work("noted", call(METHODS.commentAlert, { id, text }))}
              />
              <NextQuestions of={shown} />
            </div>
          </div>
        )}
      </Shown>
    </Frame>
  );
}

interface ActionsProps {
  alert: Alert;
  work: (done: string, working: Promise<Answer<Alert>>) => Promise<boolean>;
}

function Actions({ alert, work }: ActionsProps): VNode | null {
  const [dialog, setDialog] = useState<"close" | "exception">();
  const { id = "", state = "ALERT_STATE_OPEN", assignee = "" } = alert;
  if (!mayAct("responder")) return null;
  const me = standing.value.state === "in" ? standing.value.session.caller : "";
  return (
    <>
      {state === "ALERT_STATE_OPEN" && (
        <button
          type="button"
          class="button"
          onClick={() => void work("acknowledged", call(METHODS.acknowledgeAlert, { id }))}
        >
          Acknowledge
        </button>
      )}
      <button
        type="button"
        class="button"
        onClick={() =>
          void work(
            assignee === me ? "given back" : "assigned",
            call(METHODS.assignAlert, { id, assignee: assignee === me ? "" : me }),
          )
        }
      >
        {assignee === me ? "Not mine" : "Assign to me"}
      </button>
      {state === "ALERT_STATE_CLOSED" ? (
        <button
          type="button"
          class="button"
          onClick={() => void work("opened again", call(METHODS.reopenAlert, { id }))}
        >
          Open again
        </button>
      ) : (
        <button type="button" class="button" onClick={() => setDialog("close")}>
          Close…
        </button>
      )}
      <button type="button" class="button" onClick={() => setDialog("exception")}>
        Exception…
      </button>
      {dialog === "close" && (
        <CloseDialog
          count={1}
          onClose={() => setDialog(undefined)}
          onReason={async (reason: CloseReason, text) =>
            await work("closed", call(METHODS.closeAlert, { id, reason, text }))
          }
        />
      )}
      {dialog === "exception" && <ExceptionDialog alert={alert} onClose={() => setDialog(undefined)} />}
    </>
  );
}

/** Commands that work on alerts. */
import {
  type Alert,
  type AlertServiceClient,
  CloseAlertsRequest,
  type CloseAlertsResponse,
} from "@hosttrail/proto/alert";
import { call } from "../call.ts";
import { parseTime } from "../time.ts";
import { alertJson, parseReason } from "./alerts.ts";
import type { Output } from "../output/index.ts";

/** What can be done with an alert, by the word of the command. */
export interface AlertActions {
  ack: { text: string };
  close: { reason: string; text: string };
  reopen: { text: string };
  assign: { assignee: string };
  comment: { text: string };
}

/** Does something with each of these alerts, in turn; throws at the first that it cannot be done with, whose id the error tells. */
export async function workOnAlerts<Action extends keyof AlertActions>(
  client: AlertServiceClient,
  action: Action,
  ids: readonly string[],
  options: AlertActions[Action],
  { json, print }: Output,
): Promise<void> {
  if (ids.length === 0) throw new Error(`alert ${action} needs the ids of alerts`);
  const act = ACTIONS[action];
  for (const id of ids) {
    const alert = await act(client, id, options);
    if (json) print(`${JSON.stringify(alertJson(alert))}\n`);
  }
}

type Act<Options> = (client: AlertServiceClient, id: string, options: Options) => Promise<Alert>;

const ACTIONS: { readonly [Action in keyof AlertActions]: Act<AlertActions[Action]> } = {
  ack: (client, id, { text }) => call((done) => client.acknowledgeAlert({ id, text }, done)),
  close: (client, id, { reason: name, text }) => {
    const reason = parseReason(name);
    return call((done) => client.closeAlert({ id, reason, text }, done));
  },
  reopen: (client, id, { text }) => call((done) => client.reopenAlert({ id, text }, done)),
  assign: (client, id, { assignee }) => call((done) => client.assignAlert({ id, assignee }, done)),
  comment: (client, id, { text }) => call((done) => client.commentAlert({ id, text }, done)),
};

export interface CloseAllOptions {
  ruleKey: string;
  hostId: string;
  since: string | undefined;
  until: string | undefined;
  reason: string;
  text: string;
}

/** `hosttrail alert close --all`: every alert that is not closed, of a rule, a host or a time. */
export async function closeAlerts(
  client: AlertServiceClient,
  { ruleKey, hostId, since, until, reason, text }: CloseAllOptions,
  { json, print }: Output,
): Promise<void> {
  const nowMs = Date.now();
  const request = CloseAlertsRequest.fromPartial({
    ruleKey,
    hostId,
    startTime: since === undefined ? undefined : parseTime(since, nowMs),
    endTime: until === undefined ? undefined : parseTime(until, nowMs),
    reason: parseReason(reason),
    text,
  });
  let closed = 0n;
  let more = true;
  while (more) {
    const answer = await call<CloseAlertsResponse>((done) => client.closeAlerts(request, done));
    closed += answer.closed;
    // What comes while we close must not keep us for ever.
    more = answer.more && answer.closed > 0n;
  }
  print(json ? `${JSON.stringify({ closed: Number(closed) })}\n` : `${closed} alerts closed\n`);
}

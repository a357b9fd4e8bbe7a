/** An exception: what is known to be right makes no alert for a while. What it would have hidden is shown before it is made. */
import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import {
  type Alert,
  call,
  type CallError,
  METHODS,
  type PreviewSuppressionResponse,
  type Suppression,
} from "../../api/index.ts";
import { FilterInput } from "../../filter/index.ts";
import { Dialog, Failure, Field, say, Text, valueIn } from "../../show/index.ts";
import { counted } from "../../text/index.ts";
import { readDuration, rfcOf } from "../../time/index.ts";
import { exceptionFilter } from "./next.ts";

const PREVIEW_DAYS = 30;
const NO_RANGE = { range: {} };

export function ExceptionDialog({ alert, onClose }: { alert: Alert; onClose: () => void }): VNode {
  const [filter, setFilter] = useState(() => exceptionFilter(alert));
  const [typed, setTyped] = useState(filter);
  const [isHost, setHost] = useState(true);
  const [reason, setReason] = useState("");
  const [lasts, setLasts] = useState("30d");
  const [isAllowed, setAllowed] = useState(false);
  const [preview, setPreview] = useState<PreviewSuppressionResponse>();
  const [error, setError] = useState<CallError>();
  const lastsMs = readDuration(lasts);
  const suppression = useMemo(
    (): Suppression => ({
      kind: "KIND_EXCEPTION",
      ruleKeys: alert.rule?.key === undefined ? [] : [alert.rule.key],
      hostIds: isHost ? (alert.hosts ?? []).flatMap(({ id }) => id ?? []) : [],
      filter: typed.trim(),
      reason: reason.trim(),
    }),
    [alert, isHost, typed, reason],
  );
  // What was seen must be what is made.
  const forget = (): void => setPreview(undefined);
  const look = async (): Promise<void> => {
    setFilter(typed);
    const about: Suppression = {
      ...suppression,
      reason: suppression.reason || "preview",
      expireTime: rfcOf(Date.now() + (lastsMs ?? 86_400_000)),
    };
    const answer = await call(METHODS.previewSuppression, { suppression: about, days: PREVIEW_DAYS });
    setError(answer.error);
    setPreview(answer.value);
  };
  const create = async (): Promise<void> => {
    if (lastsMs === undefined) return;
    const made: Suppression = { ...suppression, expireTime: rfcOf(Date.now() + lastsMs) };
    const answer = await call(METHODS.createSuppression, { suppression: made, allowTruePositives: isAllowed });
    setError(answer.error);
    if (answer.error !== undefined) return;
    say("Exception made");
    onClose();
  };
  const hidesTrue = (preview?.truePositiveIds ?? []).length > 0;
  return (
    <Dialog title="Exception" onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void (preview === undefined ? look() : create());
        }}
      >
        <p class="soft">
          Matches of <Text of={alert.rule?.title} /> that this filter finds make no alert.
        </p>
        <FilterInput
          label="Filter of events that are known to be right"
          value={filter}
          error={error?.reason === "FILTER_INVALID" ? error : undefined}
          about={NO_RANGE}
          onAsk={() => void look()}
          onTyped={(text) => {
            setTyped(text);
            forget();
          }}
        />
        <label class="row">
          <input
            type="checkbox"
            checked={isHost}
            onChange={() => {
              setHost(!isHost);
              forget();
            }}
          />
          Only on {counted((alert.hosts ?? []).length, "host")} of this alert
        </label>
        <Field label="Reason" hint="For whoever wonders later">
          {(attributes) => (
            <input {...attributes} type="text" value={reason} onInput={(event) => setReason(valueIn(event))} />
          )}
        </Field>
        <Field label="For how long" error={lastsMs === undefined ? "allowed are 2h, 7d, 4w" : undefined}>
          {(attributes) => (
            <input {...attributes} type="text" value={lasts} onInput={(event) => setLasts(valueIn(event))} />
          )}
        </Field>
        {error !== undefined && error.reason !== "FILTER_INVALID" && <Failure error={error} />}
        {preview !== undefined && <Preview of={preview} />}
        {hidesTrue && (
          <label class="row ink-bad">
            <input type="checkbox" checked={isAllowed} onChange={() => setAllowed(!isAllowed)} />
            Make it although it hides true positives
          </label>
        )}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => void look()}>
            What would it hide?
          </button>
          <button
            type="submit"
            class="button is-main"
            disabled={
              preview === undefined || reason.trim() === "" || lastsMs === undefined || (hidesTrue && !isAllowed)
            }
          >
            Make exception
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Preview({ of }: { of: PreviewSuppressionResponse }): VNode {
  const { alerts, hiddenAlerts, thinnedAlerts, truePositiveIds = [], more } = of;
  return (
    <div role="status">
      <p>
        Of {counted(alerts, "alert")}
        {more === true ? ", the newest" : ""} of the last {PREVIEW_DAYS} days it would have hidden{" "}
        <strong>{counted(hiddenAlerts, "alert")}</strong>, and some events of {counted(thinnedAlerts, "other")}.
      </p>
      {truePositiveIds.length > 0 && (
        <p class="ink-bad">
          ▲ {counted(truePositiveIds.length, "of them was", "of them were")} closed as a true positive:{" "}
          {truePositiveIds.slice(0, 5).map((id) => (
            <a key={id} href={`/alerts/${id}`} target="_blank" rel="noreferrer">
              {id.slice(0, 12)}{" "}
            </a>
          ))}
        </p>
      )}
    </div>
  );
}

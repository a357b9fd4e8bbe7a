/** Closing alerts: always with a reason, since the precision of rules is counted from these. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { CloseReason } from "../api/index.ts";
import { Dialog, Field, valueIn } from "../show/index.ts";
import { counted } from "../text/index.ts";

const REASONS: readonly (readonly [CloseReason, string, string])[] = [
  ["CLOSE_REASON_TRUE_POSITIVE", "True positive", "It was what the rule is for"],
  ["CLOSE_REASON_FALSE_POSITIVE", "False positive", "It was not what the rule is for"],
  ["CLOSE_REASON_BENIGN", "Benign", "It was what the rule is for, and meant to be"],
  ["CLOSE_REASON_DUPLICATE", "Duplicate", "Another alert tells of it"],
  ["CLOSE_REASON_OTHER", "Other", "With a text"],
];

interface CloseDialogProps {
  count: number;
  onClose: () => void;
  /** Gives true where it was done. */
  onReason: (reason: CloseReason, text: string) => Promise<boolean>;
}

export function CloseDialog({ count, onClose, onReason }: CloseDialogProps): VNode {
  const [reason, setReason] = useState<CloseReason>();
  const [text, setText] = useState("");
  const [isBusy, setBusy] = useState(false);
  const needsText = reason === "CLOSE_REASON_OTHER" && text.trim() === "";
  return (
    <Dialog title={`Close ${counted(count, "alert")}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (reason === undefined || needsText) return;
          setBusy(true);
          void onReason(reason, text.trim()).then((isDone) => (isDone ? onClose() : setBusy(false)));
        }}
      >
        <fieldset class="reasons">
          <legend>Why?</legend>
          {REASONS.map(([value, title, about], at) => (
            <label key={value} class="reason">
              <input
                type="radio"
                name="reason"
                value={value}
                checked={value === reason}
                autofocus={at === 0}
                onChange={() => setReason(value)}
              />
              <span>
                {title} <span class="faint">{about}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <Field label="Note" hint={needsText ? "Needed for another reason" : "For the history; may be empty"}>
          {(attributes) => <textarea {...attributes} value={text} onInput={(event) => setText(valueIn(event))} />}
        </Field>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button is-main" disabled={reason === undefined || needsText || isBusy}>
            Close {counted(count, "alert")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

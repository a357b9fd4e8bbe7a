/** What was done with an alert, and by whom. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { type Alert, mayAct } from "../../api/index.ts";
import { Card, Field, Text, Time, valueIn } from "../../show/index.ts";
import { wordOf } from "../../text/index.ts";

export function History({ of: alert, onNote }: { of: Alert; onNote: (text: string) => Promise<boolean> }): VNode {
  const [text, setText] = useState("");
  const history = [...(alert.history ?? [])].reverse();
  return (
    <Card title="History">
      {mayAct("responder") && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (text.trim() !== "") void onNote(text.trim()).then((isDone) => isDone && setText(""));
          }}
        >
          <Field label="Note">
            {(attributes) => (
              <textarea
                {...attributes}
                value={text}
                placeholder="What you found, for whoever looks next"
                onInput={(event) => setText(valueIn(event))}
              />
            )}
          </Field>
          <div class="dialog-actions">
            <button type="submit" class="button" disabled={text.trim() === ""}>
              Add note
            </button>
          </div>
        </form>
      )}
      <ol class="story">
        {history.map(({ time, actor, action, text: said, closeReason }) => (
          <li key={`${time}${action}`}>
            <p class="row">
              <Text of={actor} />
              <span>
                {action}
                {closeReason !== undefined && ` as ${wordOf(closeReason, "CLOSE_REASON")}`}
              </span>
              <span class="faint">
                <Time value={time} />
              </span>
            </p>
            {said !== undefined && said !== "" && (
              <p class="sans">
                <Text of={said} lines />
              </p>
            )}
          </li>
        ))}
        <li>
          <p class="row">
            detector <span>made it</span>
            <span class="faint">
              <Time value={alert.createTime} />
            </span>
          </p>
        </li>
      </ol>
    </Card>
  );
}

/** The range of time that a page looks at: usual ones at once, others typed. */
import { useState } from "preact/hooks";
import type { VNode } from "preact";
import { type Range, rangeText, readMoment, zoneName } from "../time/index.ts";
import { Dialog, Field, valueIn } from "./parts.tsx";

const USUAL = ["15m", "1h", "6h", "24h", "7d", "30d"];

export function RangePicker({ range, onRange }: { range: Range; onRange: (range: Range) => void }): VNode {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="button range-button" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
          <circle cx="8" cy="8" r="6.2" />
          <path d="M8 4.5V8l2.4 1.6" />
        </svg>
        {rangeText(range)}
      </button>
      {isOpen && (
        <RangeDialog
          range={range}
          onClose={() => setOpen(false)}
          onRange={(chosen) => {
            setOpen(false);
            onRange(chosen);
          }}
        />
      )}
    </>
  );
}

function RangeDialog({
  range,
  onRange,
  onClose,
}: {
  range: Range;
  onRange: (range: Range) => void;
  onClose: () => void;
}): VNode {
  const [from, setFrom] = useState(range.from);
  const [to, setTo] = useState(range.to);
  const [start, end] = [readMoment(from), readMoment(to)];
  const wrong = "allowed are 2026-01-31, 2026-01-31 12:00, RFC 3339 and 90s, 15m, 2h, 7d, 4w before now";
  return (
    <Dialog title="Range of time" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (start !== undefined && end !== undefined) onRange({ from: start, to: end });
        }}
      >
        <div class="choice is-wrapping" role="group" aria-label="Usual ranges">
          {USUAL.map((text) => (
            <button
              key={text}
              type="button"
              aria-pressed={range.from === text && range.to === ""}
              onClick={() => onRange({ from: text, to: "" })}
            >
              last {text}
            </button>
          ))}
          <button
            type="button"
            aria-pressed={range.from === "" && range.to === ""}
            onClick={() => onRange({ from: "", to: "" })}
          >
            all
          </button>
        </div>
        <Field
          label={`From (${zoneName()})`}
          hint="Empty: from the first event on"
          error={start === undefined ? wrong : undefined}
        >
          {(attributes) => (
            <input {...attributes} type="text" value={from} onInput={(event) => setFrom(valueIn(event))} />
          )}
        </Field>
        <Field label={`To (${zoneName()})`} hint="Empty: now" error={end === undefined ? wrong : undefined}>
          {(attributes) => <input {...attributes} type="text" value={to} onInput={(event) => setTo(valueIn(event))} />}
        </Field>
        <div class="dialog-actions">
          <button type="submit" class="button is-main" disabled={start === undefined || end === undefined}>
            Look at it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

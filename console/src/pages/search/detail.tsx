/** One event, beside the table: what it says in ECS's terms, and the records that the kernel wrote. */
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { METHODS } from "../../api/index.ts";
import { COLUMN_FIELDS, eventRow, valuesOf } from "../../event/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { linkTo, setQuery } from "../../route/index.ts";
import { printable } from "../../text/index.ts";
import { Shown, Text, Time, useAnswer } from "../../show/index.ts";

interface DetailProps {
  id: string;
  onNarrow: (field: string, value: string, isNot: boolean) => void;
}

export function Detail({ id, onNarrow }: DetailProps): VNode {
  const asked = useAnswer(METHODS.getEvent, { id });
  const panel = useRef<HTMLElement>(null);
  const close = (): void => {
    setQuery({ event: "" });
    document.querySelector<HTMLElement>(".virtual")?.focus();
  };
  useEffect(() => panel.current?.focus(), [id]);
  return (
    <aside
      ref={panel}
      class="detail"
      tabIndex={-1}
      aria-label="Event"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        close();
      }}
    >
      <header class="row">
        <h2>Event</h2>
        <button type="button" class="button is-quiet push" aria-label="Close" onClick={close}>
          ✕
        </button>
      </header>
      <Shown asked={asked} rows={8}>
        {(event) => {
          const row = eventRow(event);
          return (
            <div class="stack">
              <p>
                <strong>
                  <Text of={row.action} />
                </strong>{" "}
                <Text of={row.object} />
              </p>
              <p class="row soft">
                <Time value={row.timeMs} detail="millisecond" /> <HostLink id={row.hostId} name={row.host} />
                {event.process?.entityId !== undefined && (
                  <a href={linkTo("/tree", { host: row.hostId, event: id })}>Process tree</a>
                )}
              </p>
              <table class="table">
                <caption class="unseen">Fields of the event</caption>
                <tbody>
                  {COLUMN_FIELDS.flatMap((field) =>
                    valuesOf(event, field).map((value, at) => (
                      <tr key={`${field}${at}`}>
                        <th scope="row" class="mono">
                          {field}
                        </th>
                        <td class="wide">
                          <Text of={value} />
                        </td>
                        <td class="narrow">
                          <button
                            type="button"
                            class="button is-quiet is-small"
                            aria-label={`Only ${field} ${printable(value)}`}
                            onClick={() => onNarrow(field, value, false)}
                          >
                            +
                          </button>
                          <button
                            type="button"
                            class="button is-quiet is-small"
                            aria-label={`Not ${field} ${printable(value)}`}
                            onClick={() => onNarrow(field, value, true)}
                          >
                            −
                          </button>
                        </td>
                      </tr>
                    )),
                  )}
                </tbody>
              </table>
              <section>
                <h3>Records of the kernel</h3>
                {(event.audit?.records ?? []).map((record, at) => (
                  <div key={at} class="record">
                    <code>{record.typeName || record.type}</code>{" "}
                    <Text
                      of={(record.fields ?? [])
                        .map(({ key, value }) => (key ? `${key}=${value ?? ""}` : (value ?? "")))
                        .join(" ")}
                    />
                  </div>
                ))}
              </section>
              <details>
                <summary>All of it as JSON</summary>
                <pre>
                  <Text of={JSON.stringify(event, null, 2)} max={60_000} lines />
                </pre>
              </details>
            </div>
          );
        }}
      </Shown>
    </aside>
  );
}

/** What the matching events have in common: the most frequent values of some fields, to narrow the filter by. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { METHODS } from "../../api/index.ts";
import { Shown, Text, useProgress } from "../../show/index.ts";
import { countText, printable } from "../../text/index.ts";
import type { Question } from "./asked.ts";

const FIELDS: readonly (readonly [field: string, title: string])[] = [
  ["event.action", "Action"],
  ["host.name", "Host"],
  ["user.audit.name", "Logged in as"],
  ["process.name", "Process"],
  ["event.outcome", "Outcome"],
];
const VALUES_MAX = 6;
/** A facet is worth no long wait. */
const BUDGET = { timeMs: "5000" };

type Narrow = (field: string, value: string, isNot: boolean) => void;

export function Facets({ question, onNarrow }: { question: Question; onNarrow: Narrow }): VNode {
  return (
    <aside class="facets" aria-label="Narrow by">
      {FIELDS.map(([field, title]) => (
        <Facet key={field} field={field} title={title} question={question} onNarrow={onNarrow} />
      ))}
    </aside>
  );
}

interface FacetProps {
  field: string;
  title: string;
  question: Question;
  onNarrow: Narrow;
}

function Facet({ field, title, question, onNarrow }: FacetProps): VNode {
  const request = useMemo(
    () => ({ ...question, groupBy: [field], limit: VALUES_MAX, budget: BUDGET }),
    [question, field],
  );
  const asked = useProgress(METHODS.aggregateEvents, request);
  const most = Number(asked.value?.groups?.[0]?.count ?? 1);
  return (
    <section class="facet">
      <h3>{title}</h3>
      <Shown asked={asked} rows={2}>
        {({ groups = [], groupsLeftOut }) => (
          <ul>
            {groups.map(({ values: [value] = [], count }) =>
              value?.text === undefined ? null : (
                <li key={value.text} class="facet-value">
                  <button
                    type="button"
                    onClick={() => onNarrow(field, value.text ?? "", false)}
                    title={`Only ${printable(value.text)}`}
                  >
                    <Text of={value.text} max={60} />
                  </button>
                  <span class="faint small">{countText(count)}</span>
                  <button
                    type="button"
                    class="facet-not"
                    aria-label={`Not ${printable(value.text)}`}
                    title={`Not ${printable(value.text)}`}
                    onClick={() => onNarrow(field, value.text ?? "", true)}
                  >
                    −
                  </button>
                  <span class="facet-fill" style={{ width: `${(Number(count ?? 0) / most) * 100}%` }} />
                </li>
              ),
            )}
            {groups.every(({ values: [value] = [] }) => value?.text === undefined) && (
              <li class="faint small">none has one</li>
            )}
            {Number(groupsLeftOut ?? 0) > 0 && <li class="faint small">and {countText(groupsLeftOut)} more</li>}
          </ul>
        )}
      </Shown>
    </section>
  );
}

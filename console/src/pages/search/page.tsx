import type { VNode } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { call, type CallError, METHODS } from "../../api/index.ts";
import { equals, FilterInput, narrowed } from "../../filter/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { place, setQuery } from "../../route/index.ts";
import { Card, Completion, Empty, Failure, Loading, Page as Frame, RangePicker } from "../../show/index.ts";
import { counted } from "../../text/index.ts";
import { type Asked, askedOf, type Question, questionOf } from "./asked.ts";
import { Detail } from "./detail.tsx";
import { Facets } from "./facets.tsx";
import { Histogram } from "./histogram.tsx";
import { EventPages } from "./pages.ts";
import { Saved } from "./saved.tsx";
import { Columns, EventTable } from "./table.tsx";

export function Page(): VNode {
  const { query } = place.value;
  const asked = useMemo(() => askedOf(query), [query]);
  const [turn, askAgain] = useReducer((before: number) => before + 1, 0);
  // What is chosen or how it is shown asks nothing anew.
  const key = JSON.stringify([asked.filter, asked.range, asked.host, asked.order, turn]);
  const question = useMemo(() => questionOf(asked, Date.now()), [key]);
  const { pages, version } = usePages(question, asked.order, key);
  const [total, setTotal] = useState<number>();
  useEffect(() => setTotal(undefined), [key]);
  // Rows are what somebody waits for: what is counted beside them is asked for once the first ones are there.
  const hasBegun = pages.count > 0 || pages.isWhole;
  const isBadFilter = pages.error?.reason === "FILTER_INVALID";
  const ask = (filter: string): void => {
    if (filter === asked.filter) askAgain(undefined);
    else setQuery({ q: filter, event: "" });
  };
  const narrow = (field: string, value: string, isNot: boolean): void => {
    const condition = equals(field, value);
    ask(narrowed(asked.filter, isNot ? `NOT ${condition}` : condition));
  };
  return (
    <Frame name="Search" actions={<Saved asked={asked} />}>
      <div class="row is-top">
        <FilterInput
          label="Filter"
          value={asked.filter}
          error={isBadFilter ? pages.error : undefined}
          about={{ range: question, hostId: question.hostId }}
          onAsk={ask}
        />
        <RangePicker
          range={asked.range}
          onRange={({ from, to }) => setQuery({ from: from === "" ? "all" : from, to, event: "" })}
        />
      </div>
      {asked.host !== "" && (
        <p class="row">
          Only on <HostLink id={asked.host} />
          <button type="button" class="button is-small" onClick={() => setQuery({ host: "" })}>
            On all hosts
          </button>
        </p>
      )}
      {!isBadFilter && (
        <div class="search">
          {hasBegun ? (
            <Facets question={question} onNarrow={narrow} />
          ) : (
            <aside class="facets" aria-label="Narrow by" />
          )}
          <div class="stack">
            <Card>
              <div class="plot-room">
                {hasBegun && (
                  <Histogram
                    question={question}
                    onTotal={setTotal}
                    onRange={(from, to) => setQuery({ from, to, event: "" })}
                  />
                )}
              </div>
            </Card>
            <Results asked={asked} pages={pages} version={version} total={total} listKey={key} />
          </div>
        </div>
      )}
      {asked.event !== "" && <Detail id={asked.event} onNarrow={narrow} />}
    </Frame>
  );
}

/**
 * The pages of this question; those of the one before are given up. `version` is another one whenever they changed: signals draw a view again
 * only where what it is given differs.
 */
function usePages(question: Question, order: Asked["order"], key: string): { pages: EventPages; version: number } {
  const [version, drawAgain] = useReducer((before: number) => before + 1, 0);
  const current = useRef<{ key: string; pages: EventPages } | undefined>(undefined);
  if (current.current?.key !== key) {
    current.current?.pages.close();
    const read: ConstructorParameters<typeof EventPages>[0] = async (pageToken, pageSize, signal) =>
      await call(METHODS.searchEvents, { ...question, orderBy: order, pageSize, pageToken }, signal);
    current.current = { key, pages: new EventPages(read, () => drawAgain(undefined)) };
  }
  const { pages } = current.current;
  useEffect(() => {
    pages.want(0, 1);
    return undefined;
  }, [pages]);
  useEffect(() => () => current.current?.pages.close(), []);
  return { pages, version };
}

interface ResultsProps {
  asked: Asked;
  pages: EventPages;
  version: number;
  total: number | undefined;
  listKey: string;
}

function Results({ asked, pages, version, total, listKey }: ResultsProps): VNode {
  const { count, isWhole, error, isComing, completeness } = pages;
  const all = isWhole ? count : total;
  return (
    <Card
      flush
      title={
        <span aria-live="polite">
          {all === undefined
            ? count === 0 && !isWhole
              ? "Events"
              : `${counted(count, "event")} and more`
            : counted(all, "event")}
        </span>
      }
      actions={<Columns asked={asked} />}
    >
      {error !== undefined && <FailureOfPage error={error} again={() => pages.again()} />}
      {count === 0 && isComing && <Loading rows={8} />}
      {count === 0 && isWhole && (
        <Empty title="No event matches">A longer time, or a filter that asks for less, may find some.</Empty>
      )}
      {count > 0 && <EventTable asked={asked} pages={pages} version={version} total={all} listKey={listKey} />}
      <Completion of={completeness} order={asked.order === "time" ? "oldest" : "newest"} />
    </Card>
  );
}

function FailureOfPage({ error, again }: { error: CallError; again: () => void }): VNode {
  return <Failure error={error} again={again} />;
}

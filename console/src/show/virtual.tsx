/** A table of any length of which only what is seen is in the page. */
import type { ComponentChildren, VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { scrollToRow, windowOf } from "./windowing.ts";

export interface VirtualColumn<Row> {
  key: string;
  title: ComponentChildren;
  /** CSS width of a grid's track, as "16ch" or "minmax(20ch, 1fr)". */
  track: string;
  cell: (row: Row) => ComponentChildren;
}

interface VirtualTableProps<Row> {
  label: string;
  columns: readonly VirtualColumn<Row>[];
  /** Rows that there are, as far as that is known. */
  count: number;
  /** All rows, for those who hear; -1 where that is not known. */
  total: number;
  /** Undefined while a row is on its way. */
  rowAt: (row: number) => Row | undefined;
  /** Tells which rows are drawn, so that they can be brought. */
  onWindow: (first: number, end: number) => void;
  current: number | undefined;
  onCurrent: (row: number) => void;
  onOpen: (row: number) => void;
  /** Changes where the list is another one: it begins at its top again. */
  listKey: string;
}

const ROW_HEIGHT = 28;

export function VirtualTable<Row>(props: VirtualTableProps<Row>): VNode {
  const { label, columns, count, total, rowAt, onWindow, current, onCurrent, onOpen, listKey } = props;
  const view = useRef<HTMLDivElement>(null);
  const [scrollTop, setScrollTop] = useState(0);
  const [viewHeight, setViewHeight] = useState(600);
  const { first, end, top, height } = windowOf(count, ROW_HEIGHT, scrollTop, viewHeight);
  useLayoutEffect(() => {
    const element = view.current;
    if (element === null) return undefined;
    const measure = (): void => setViewHeight(Math.max(ROW_HEIGHT, element.clientHeight - ROW_HEIGHT));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    view.current?.scrollTo({ top: 0 });
    setScrollTop(0);
  }, [listKey]);
  useLayoutEffect(() => onWindow(first, end), [first, end, listKey]);
  const moveTo = (row: number): void => {
    const to = Math.min(count - 1, Math.max(0, row));
    if (to < 0) return;
    onCurrent(to);
    const scroll = scrollToRow(to, { count, rowHeight: ROW_HEIGHT, scrollTop, viewHeight });
    if (scroll !== undefined) view.current?.scrollTo({ top: scroll });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== view.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = current ?? -1;
    const page = Math.max(1, Math.floor(viewHeight / ROW_HEIGHT) - 1);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: now + 1,
      j: now + 1,
      ArrowUp: now - 1,
      k: now - 1,
      PageDown: now + page,
      PageUp: now - page,
      Home: 0,
      End: count - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) moveTo(to);
    else if (event.key === "Enter" && current !== undefined) onOpen(current);
    else return;
    event.preventDefault();
  };
  const template = columns.map(({ track }) => track).join(" ");
  return (
    <div
      ref={view}
      class="virtual"
      role="grid"
      aria-label={label}
      aria-rowcount={total}
      aria-colcount={columns.length}
      aria-activedescendant={current === undefined ? undefined : `row-${current}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
    >
      <div class="virtual-head" role="rowgroup">
        <div role="row" aria-rowindex={1} class="virtual-row" style={{ gridTemplateColumns: template }}>
          {columns.map(({ key, title }) => (
            <div key={key} role="columnheader">
              {title}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" class="virtual-rows" style={{ height: `${height}px` }}>
        {Array.from({ length: end - first }, (_, at) => first + at).map((number) => {
          const row = rowAt(number);
          return (
            <div
              key={number}
              id={`row-${number}`}
              role="row"
              aria-rowindex={number + 2}
              aria-selected={number === current}
              class="virtual-row"
              style={{
                gridTemplateColumns: template,
                transform: `translateY(${top + (number - first) * ROW_HEIGHT}px)`,
              }}
              onClick={() => {
                onCurrent(number);
                onOpen(number);
              }}
            >
              {columns.map(({ key, cell }) => (
                <div key={key} role="gridcell">
                  {row === undefined ? <span class="bar" aria-hidden="true" /> : cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

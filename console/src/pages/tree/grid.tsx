/** The tree as a treegrid: rows have the focus, arrows walk and unfold. */
import type { VNode } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ProcessNode, ProcessTree } from "../../api/index.ts";
import { go, linkTo } from "../../route/index.ts";
import { Badge, SeverityMark, Text, Time } from "../../show/index.ts";
import { counted, countText, printable, severityOf } from "../../text/index.ts";
import { forestOf, moveOf, openedAtFirst, rowsOf, type TreeRow } from "./model.ts";

export function TreeGrid({ tree }: { tree: ProcessTree }): VNode {
  const forest = useMemo(() => forestOf(tree), [tree]);
  const [open, setOpen] = useState<ReadonlySet<string>>(() => openedAtFirst(tree));
  const rows = useMemo(() => rowsOf(forest, open), [forest, open]);
  const [focused, setFocused] = useState(tree.entityId ?? "");
  const grid = useRef<HTMLTableElement>(null);
  const mayFocus = useRef(false);
  const at = rows.some(({ key }) => key === focused) ? focused : (rows[0]?.key ?? "");
  useLayoutEffect(() => {
    if (!mayFocus.current) return;
    mayFocus.current = false;
    grid.current?.querySelector<HTMLElement>(`tr[tabindex="0"]`)?.focus();
  }, [at, rows]);
  const toggle = (key: string): void =>
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter on a link inside of a row is the link's.
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof HTMLTableRowElement)) return;
    if (event.key === "Enter") {
      const row = rows.find(({ key }) => key === at);
      const link = row === undefined ? undefined : linkOf(row, tree.hostId ?? "");
      if (link !== undefined) go(link);
      return;
    }
    const move = moveOf(event.key, rows, at);
    if (move === undefined) return;
    event.preventDefault();
    mayFocus.current = true;
    if (move.toggle !== undefined) toggle(move.toggle);
    if (move.focus !== undefined) setFocused(move.focus);
  };
  return (
    <div class="table-frame">
      <table ref={grid} class="tree" role="treegrid" aria-label="Processes" aria-readonly="true" onKeyDown={onKeyDown}>
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">User</th>
            <th scope="col">From</th>
            <th scope="col" class="only-wide">
              To
            </th>
            <th scope="col" class="only-wide">
              What is known
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row
              key={row.key}
              row={row}
              isFocused={row.key === at}
              isAsked={row.key === tree.entityId}
              hostId={tree.hostId ?? ""}
              onFocus={() => setFocused(row.key)}
              onToggle={() => toggle(row.key)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Where Enter leads: to the event of it. */
function linkOf(row: TreeRow, host: string): string | undefined {
  const event =
    row.kind === "process" ? row.node.images?.at(-1)?.eventId : row.kind === "deed" ? row.deed.eventId : undefined;
  return event === undefined ? undefined : linkTo("/search", { host, from: "all", event });
}

interface RowProps {
  row: TreeRow;
  isFocused: boolean;
  isAsked: boolean;
  hostId: string;
  onFocus: () => void;
  onToggle: () => void;
}

function Row({ row, isFocused, isAsked, hostId, onFocus, onToggle }: RowProps): VNode {
  const isProcess = row.kind === "process";
  return (
    <tr
      role="row"
      class={`${isProcess ? "" : "deed"} ${isAsked ? "is-asked" : ""}`}
      tabIndex={isFocused ? 0 : -1}
      aria-level={row.level}
      aria-posinset={row.position}
      aria-setsize={row.size}
      aria-expanded={isProcess && row.canOpen ? row.isOpen : undefined}
      aria-current={isAsked ? "true" : undefined}
      onFocus={(event) => {
        if (event.target === event.currentTarget) onFocus();
      }}
      onDblClick={isProcess ? onToggle : undefined}
    >
      <td role="gridcell">
        <div class="tree-name">
          {Array.from({ length: row.level - 1 }, (_, at) => (
            <span key={at} class="tree-guide" aria-hidden="true" />
          ))}
          {isProcess && row.canOpen ? (
            <button
              type="button"
              class="tree-toggle"
              tabIndex={-1}
              aria-label={row.isOpen ? "Fold" : "Unfold"}
              onClick={onToggle}
            >
              {row.isOpen ? "▼" : "▶"}
            </button>
          ) : (
            <span class="tree-toggle" aria-hidden="true" />
          )}
          {isProcess ? <ProcessName of={row.node} isAsked={isAsked} /> : <DeedName row={row} hostId={hostId} />}
        </div>
      </td>
      {isProcess ? <ProcessCells of={row.node} hostId={hostId} /> : <DeedCells row={row} />}
    </tr>
  );
}

function ProcessName({ of: node, isAsked }: { of: ProcessNode; isAsked: boolean }): VNode {
  const image = node.images?.at(-1);
  const command = image?.args?.join(" ") || image?.executable || image?.name || "?";
  return (
    <span>
      {isAsked ? (
        <strong>
          <Text of={command} max={300} />
        </strong>
      ) : (
        <Text of={command} max={300} />
      )}{" "}
      <span class="faint">[{node.pid ?? 0}]</span>{" "}
      {(node.alerts ?? []).map(({ id, title, rule }) => (
        <a
          key={id}
          class={`tree-alert is-${severityOf(rule?.severity)}`}
          href={`/alerts/${id ?? ""}`}
          tabIndex={-1}
          title={printable(title ?? "")}
        >
          <SeverityMark of={severityOf(rule?.severity)} />
          <span class="unseen">
            {severityOf(rule?.severity)} alert: {printable(title ?? "")}
          </span>
        </a>
      ))}
    </span>
  );
}

const UNSET = 0xffff_ffff;

function ProcessCells({ of: node }: { of: ProcessNode; hostId: string }): VNode {
  const {
    user,
    startTime,
    endTime,
    exitCode,
    hasExitCode,
    placeholderReason,
    isSessionLeader,
    containerId,
    images = [],
    provenance,
  } = node;
  const own = user?.name || (user?.id === undefined || user.id === UNSET ? "" : String(user.id));
  const login = user?.auditName ?? "";
  return (
    <>
      <td role="gridcell" class="nowrap">
        <Text of={own} max={60} />
        {login !== "" && login !== own && (
          <span class="faint" title="Who logged in">
            {" "}
            (<Text of={login} max={60} />)
          </span>
        )}
      </td>
      <td role="gridcell">
        {startTime === undefined ? (
          <span class="faint">before the trail</span>
        ) : (
          <Time value={startTime} detail="millisecond" />
        )}
      </td>
      <td role="gridcell" class="only-wide">
        {endTime === undefined ? "" : <Time value={endTime} detail="millisecond" />}
      </td>
      <td role="gridcell" class="only-wide">
        <span class="row">
          {hasExitCode === true && <Badge tone={(exitCode ?? 0) === 0 ? "plain" : "warn"}>exit {exitCode ?? 0}</Badge>}
          {isSessionLeader === true && <Badge>session</Badge>}
          {containerId !== undefined && <Badge tone="info">container {containerId.slice(0, 12)}</Badge>}
          {images.length > 1 && <Badge>{counted(images.length, "program")}</Badge>}
          {provenance === "inferred" && <Badge>inferred</Badge>}
          {placeholderReason !== undefined && <Badge tone="warn">{placeholderReason}</Badge>}
        </span>
      </td>
    </>
  );
}

const SIGNS: Readonly<Record<string, string>> = { connection: "⇄", file: "▤", other: "·" };

function DeedName({ row, hostId }: { row: Extract<TreeRow, { kind: "deed" | "left" }>; hostId: string }): VNode {
  if (row.kind === "left")
    return (
      <span class="faint">
        {countText(row.count)} more {row.what === "other" ? "deeds" : `${row.what}s`}
      </span>
    );
  const { action, object, outcome, count } = row.deed;
  const link = linkOf(row, hostId);
  return (
    <span>
      <span class="faint" aria-hidden="true">
        {SIGNS[row.what]}
      </span>{" "}
      {object === undefined && link !== undefined ? (
        <a href={link} tabIndex={-1}>
          {action}
        </a>
      ) : (
        action
      )}{" "}
      {link === undefined || object === undefined ? (
        <Text of={object} max={300} />
      ) : (
        <a href={link} tabIndex={-1}>
          <Text of={object} max={300} />
        </a>
      )}
      {Number(count ?? 0) > 1 && <span class="faint"> × {countText(count)}</span>}{" "}
      {outcome === "failure" && <Badge tone="warn">failure</Badge>}
    </span>
  );
}

function DeedCells({ row }: { row: Extract<TreeRow, { kind: "deed" | "left" }> }): VNode {
  const deed = row.kind === "deed" ? row.deed : undefined;
  return (
    <>
      <td role="gridcell" />
      <td role="gridcell">{deed !== undefined && <Time value={deed.firstTime} detail="millisecond" />}</td>
      <td role="gridcell" class="only-wide">
        {deed?.lastTime !== undefined && deed.lastTime !== deed.firstTime && (
          <Time value={deed.lastTime} detail="millisecond" />
        )}
      </td>
      <td role="gridcell" class="only-wide" />
    </>
  );
}

/** What pages are put together of. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { printable } from "../text/index.ts";

/** A page: its heading, what can be done with it, and what it shows. */
export function Page({
  title,
  name,
  actions,
  children,
}: {
  /** Of the window and of history. */
  name: string;
  title?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}): VNode {
  useEffect(() => {
    // A title is shown by the system, which would turn and hide what its characters say.
    document.title = `${printable(name)} · Hosttrail`;
  }, [name]);
  return (
    <>
      <header class="page-head">
        <h1 tabIndex={-1}>{title ?? name}</h1>
        {actions !== undefined && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

export function Card({
  title,
  actions,
  children,
  flush = false,
}: {
  title?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
  /** Its content goes to its edges. */
  flush?: boolean;
}): VNode {
  const id = useId();
  return (
    <section class={flush ? "card is-flush" : "card"} aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && (
        <header class="card-head">
          <h2 id={id}>{title}</h2>
          {actions}
        </header>
      )}
      {children}
    </section>
  );
}

/** Names and what they are. */
export function Facts({ of }: { of: readonly (readonly [string, ComponentChildren])[] }): VNode {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === "" || value === undefined ? <span class="faint">–</span> : value}</dd>
        </div>
      ))}
    </dl>
  );
}

export interface Column<Row> {
  title: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  /** Right-aligned digits, or as wide as there is room. */
  kind?: "number" | "wide" | "narrow";
}

/** A table of a bounded number of rows. On a narrow screen it scrolls by itself. */
export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
}: {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}): VNode {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={caption}>
      <table class="table">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, kind = "" }, at) => (
              <th scope="col" key={at} class={kind}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ cell, kind = "" }, at) => (
                <td key={at} class={kind}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A dialog over the page; the browser keeps the focus in it and gives it back. */
export function Dialog({
  title,
  onClose,
  children,
  isForced = false,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** It cannot be closed by Escape. */
  isForced?: boolean;
}): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (!isForced) onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current && !isForced) onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          {!isForced && (
            <button type="button" class="button is-quiet" aria-label="Close" onClick={onClose}>
              ✕
            </button>
          )}
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** A form's field with its label, and what is wrong with it below. */
export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: string;
  hint?: string;
  error?: string | undefined;
  children: (attributes: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ComponentChildren;
}): VNode {
  const id = useId();
  const about = `${id}-about`;
  const said = error ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        ...(said !== undefined && { "aria-describedby": about }),
        ...(error !== undefined && { "aria-invalid": true }),
      })}
      {said !== undefined && (
        <p id={about} class={error === undefined ? "hint" : "hint is-error"}>
          {said}
        </p>
      )}
    </div>
  );
}

/** One of few, as buttons beside each other. */
export function Choice<Value extends string>({
  label,
  value,
  options,
  onChoose,
}: {
  label: string;
  value: Value;
  options: readonly (readonly [Value, ComponentChildren])[];
  onChoose: (value: Value) => void;
}): VNode {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([option, shown]) => (
        <button key={option} type="button" aria-pressed={option === value} onClick={() => onChoose(option)}>
          {shown}
        </button>
      ))}
    </div>
  );
}

/** Parts of a page of which one is seen; which one stands in the link. */
export function Tabs({
  label,
  tabs,
  current,
}: {
  label: string;
  tabs: readonly (readonly [string, string, string])[];
  current: string;
}): VNode {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([key, title, href]) => (
        <a key={key} href={href} aria-current={key === current ? "page" : undefined}>
          {title}
        </a>
      ))}
    </nav>
  );
}

/** The text of a form's field. */
export function valueIn(event: Event): string {
  return (event.currentTarget as HTMLInputElement).value;
}

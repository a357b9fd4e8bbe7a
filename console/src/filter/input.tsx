/** Where a filter is typed: with what it may go on with, and with what is wrong right under where that is. */
import type { VNode } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { CallError } from "../api/index.ts";
import { Text } from "../show/index.ts";
import { type Completion, completed, completionsFor, placeAt } from "./complete.ts";
import { type ValuesAsked, valuesOfField } from "./values.ts";

interface FilterInputProps {
  label: string;
  /** What is asked now; typing asks nothing before Enter. */
  value: string;
  onAsk: (filter: string) => void;
  error?: CallError | undefined;
  /** Of which events values are counted. */
  about: Omit<ValuesAsked, "field">;
  /** What is typed so far, for those who keep it. */
  onTyped?: (filter: string) => void;
}

export function FilterInput({ label, value, onAsk, error, about, onTyped }: FilterInputProps): VNode {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(value);
  const [caret, setCaret] = useState(value.length);
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [counted, setCounted] = useState<readonly Completion[]>([]);
  // A blank at its end is where somebody goes on typing.
  useEffect(() => setTyped((before) => (before.trim() === value ? before : value)), [value]);
  const place = placeAt(typed, caret);
  const field = place.expecting.kind === "value" ? place.expecting.field.name : undefined;
  useEffect(() => {
    setCounted([]);
    if (!isOpen || field === undefined) return undefined;
    let isThere = true;
    void valuesOfField({ ...about, field }).then((values) => isThere && setCounted(values));
    return () => {
      isThere = false;
    };
  }, [field, isOpen, JSON.stringify(about)]);
  const completions = isOpen ? completionsFor(place, counted) : [];
  const type = (filter: string, to: number): void => {
    setTyped(filter);
    setCaret(to);
    setAt(-1);
    onTyped?.(filter);
  };
  const take = (completion: Completion | undefined): void => {
    if (completion === undefined) return;
    const [filter, to] = completed(typed, place, completion);
    type(filter, to);
    setOpen(true);
    const element = input.current;
    if (element === null) return;
    // At once, and not when it is drawn: whoever goes on typing meanwhile would find the caret moved.
    element.value = filter;
    element.setSelectionRange(to, to);
    element.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!isOpen) setOpen(true);
      else {
        const by = event.key === "ArrowDown" ? 1 : -1;
        const count = completions.length + 1;
        setAt(((at + 1 + by + count) % count) - 1);
      }
    } else if (event.key === "Tab" && isOpen && at >= 0) take(completions[at]);
    else if (event.key === "Enter" && isOpen && at >= 0) take(completions[at]);
    else if (event.key === "Enter") {
      setOpen(false);
      onAsk(typed.trim());
    } else if (event.key === "Escape" && isOpen) setOpen(false);
    else return;
    event.preventDefault();
  };
  const column = columnOf(error);
  return (
    <div class="filter">
      <input
        ref={input}
        id={id}
        data-filter=""
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded={completions.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        aria-invalid={error === undefined ? undefined : true}
        aria-describedby={error === undefined ? undefined : `${id}-error`}
        placeholder={"process.name = curl AND event.outcome = failure"}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        maxLength={8192}
        value={typed}
        onInput={(event) => {
          setOpen(true);
          type(event.currentTarget.value, event.currentTarget.selectionStart ?? event.currentTarget.value.length);
        }}
        onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? typed.length)}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      {error !== undefined && (
        <div id={`${id}-error`} class="filter-error" role="alert">
          {column !== undefined && typed.trim() === value && (
            <span class="filter-caret mono" aria-hidden="true">
              {" ".repeat(column - 1)}▲
            </span>
          )}
          <Text of={error.message} max={600} />
        </div>
      )}
      {completions.length > 0 && (
        <div id={`${id}-list`} class="completions" role="listbox" aria-label="What it may go on with">
          {completions.map((completion, number) => (
            <div
              key={completion.text}
              id={`${id}-${number}`}
              class="option"
              role="option"
              aria-selected={number === at}
              // The input keeps the focus.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => take(completion)}
            >
              <Text of={completion.text} max={120} />
              <span class="faint">{completion.count ?? completion.about}</span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

/** Of an error that says where in the filter it is, counted from 1. */
function columnOf(error: CallError | undefined): number | undefined {
  const column = Number(error?.metadata["column"]);
  return Number.isInteger(column) && column >= 1 && column <= 8192 ? column : undefined;
}

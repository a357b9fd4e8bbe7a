/** The command palette: any page, host or saved query by a few letters; any text as a search. */
import type { VNode } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { call, METHODS } from "../api/index.ts";
import { go, linkTo } from "../route/index.ts";
import { Dialog, Text, valueIn } from "../show/index.ts";
import { shortId } from "../text/index.ts";
import { navOfCaller } from "./pages.ts";

interface Command {
  title: string;
  about: string;
  href: string;
}

const SHOWN_MAX = 12;

/** What the collector has to go to; read once for each time that the palette opens. */
async function placesOf(signal: AbortSignal): Promise<Command[]> {
  const [hosts, saved] = await Promise.all([
    call(METHODS.listHosts, { pageSize: 1000 }, signal),
    call(METHODS.listSavedQueries, { pageSize: 200 }, signal),
  ]);
  return [
    ...(hosts.value?.hosts ?? []).map(({ hostId = "", name = "" }) => ({
      title: name || hostId,
      about: `host ${shortId(hostId)}`,
      href: `/hosts/${hostId}`,
    })),
    ...(saved.value?.queries ?? [])
      .filter(({ search }) => search !== undefined)
      .map(({ name = "", description = "", search, sinceSeconds }) => ({
        title: name,
        about: description || "saved query",
        href: linkTo("/search", {
          q: search?.filter,
          from: sinceSeconds === undefined ? undefined : `${sinceSeconds}s`,
        }),
      })),
  ];
}

export function Palette({ onClose }: { onClose: () => void }): VNode {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const [places, setPlaces] = useState<readonly Command[]>([]);
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const stopping = new AbortController();
    void placesOf(stopping.signal).then((found) => stopping.signal.aborted || setPlaces(found));
    return () => stopping.abort();
  }, []);
  // Before the next key comes, which would be lost.
  useLayoutEffect(() => input.current?.focus(), []);
  const commands = commandsFor(typed, places);
  const chosen = Math.min(at, commands.length - 1);
  const run = (command: Command | undefined): void => {
    if (command === undefined) return;
    onClose();
    go(command.href);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") setAt(Math.min(commands.length - 1, chosen + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, chosen - 1));
    else if (event.key === "Enter") run(commands[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to" onClose={onClose}>
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label="A page, a host, a saved query or a filter"
        aria-expanded="true"
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={commands.length === 0 ? undefined : `${list}-${chosen}`}
        placeholder="Page, host, saved query, or a filter to search by"
        autocomplete="off"
        spellcheck={false}
        value={typed}
        onInput={(event) => {
          setTyped(valueIn(event));
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={list} class="palette-list" role="listbox" aria-label="Where to go">
        {commands.map((command, number) => (
          <div
            key={command.href}
            id={`${list}-${number}`}
            class="option"
            role="option"
            aria-selected={number === chosen}
            onClick={() => run(command)}
          >
            <span class="sans">
              <Text of={command.title} max={80} />
            </span>
            <span class="faint">
              <Text of={command.about} max={80} />
            </span>
          </div>
        ))}
      </div>
    </Dialog>
  );
}

function commandsFor(typed: string, places: readonly Command[]): Command[] {
  const wanted = typed.trim().toLowerCase();
  const pages = navOfCaller().flatMap(([, entries]) =>
    entries.map(({ title, href, key }) => ({ title, about: `g ${key}`, href })),
  );
  const known = [...pages, ...places]
    .filter(({ title, about }) => `${title} ${about}`.toLowerCase().includes(wanted))
    .slice(0, SHOWN_MAX);
  if (wanted === "") return known;
  const text = typed.trim();
  const ids: Command[] = /^[0-9a-f]{12}-[0-9a-f]{32}$/.test(wanted)
    ? [{ title: "Open the alert", about: wanted, href: `/alerts/${wanted}` }]
    : [];
  return [
    ...ids,
    ...known,
    { title: `Search for ${text}`, about: "last 24 h", href: linkTo("/search", { q: text, from: "24h" }) },
  ];
}

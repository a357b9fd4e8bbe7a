/** Keys of the whole console; pages have their own. */
import { go } from "../route/index.ts";
import { navOfCaller } from "./pages.ts";

export interface KeyLine {
  keys: readonly string[];
  what: string;
}

/** What `?` lists. */
export const KEY_LINES: readonly (readonly [string, readonly KeyLine[]])[] = [
  [
    "Everywhere",
    [
      { keys: ["Ctrl", "K"], what: "go to a page, host or alert; search" },
      { keys: ["/"], what: "to the filter of the page, else to the search" },
      { keys: ["?"], what: "these keys" },
      { keys: ["t"], what: "light, dark, as the system" },
      { keys: ["z"], what: "times in UTC or local" },
    ],
  ],
  [
    "Lists and tables",
    [
      { keys: ["j", "↓"], what: "next" },
      { keys: ["k", "↑"], what: "previous" },
      { keys: ["Enter"], what: "open" },
      { keys: ["x"], what: "select (alerts)" },
      { keys: ["a"], what: "acknowledge (alerts)" },
      { keys: ["e"], what: "close with a reason (alerts)" },
    ],
  ],
  [
    "Tree of processes",
    [
      { keys: ["→"], what: "unfold, or to the first child" },
      { keys: ["←"], what: "fold, or to the parent" },
      { keys: ["Home", "End"], what: "first, last" },
    ],
  ],
  [
    "Histogram",
    [
      { keys: ["←", "→"], what: "over its bars" },
      { keys: ["Shift", "→"], what: "choose a range" },
      { keys: ["Enter"], what: "look at it" },
    ],
  ],
];

interface GlobalKeys {
  palette(): void;
  help(): void;
  theme(): void;
  zone(): void;
}

/** Between "g" and the key after it. */
const SEQUENCE_MS = 1200;

/** Listens until the function that it gives is called. */
export function listenToKeys(keys: GlobalKeys): () => void {
  let goneMs = -SEQUENCE_MS;
  const onKeyDown = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      keys.palette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event)) return;
    if (performance.now() - goneMs < SEQUENCE_MS) {
      goneMs = -SEQUENCE_MS;
      const entry = navOfCaller()
        .flatMap(([, entries]) => entries)
        .find(({ key }) => key === event.key);
      if (entry !== undefined) go(entry.href);
      return;
    }
    switch (event.key) {
      case "g":
        goneMs = performance.now();
        return;
      case "/":
        event.preventDefault();
        focusFilter();
        return;
      case "?":
        keys.help();
        return;
      case "t":
        keys.theme();
        return;
      case "z":
        keys.zone();
        return;
      default:
    }
  };
  addEventListener("keydown", onKeyDown);
  return () => removeEventListener("keydown", onKeyDown);
}

/** Letters are no keys while somebody types, or while a dialog is open. */
function isTyping({ target }: KeyboardEvent): boolean {
  if (document.querySelector("dialog[open]") !== null) return true;
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function focusFilter(): void {
  const filter = document.querySelector<HTMLElement>("[data-filter]");
  if (filter === null) go("/search");
  else filter.focus();
}

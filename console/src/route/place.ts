/** Where the page is: a path and a query that together are the whole view, so that every view is a link. */
import { type Signal, signal } from "@preact/signals";

export interface Place {
  path: string;
  query: URLSearchParams;
}

export const place: Signal<Place> = signal(placeNow());

/** Counts places that were gone to, but not changes of the query alone: a new one has its heading focused. */
export const visits: Signal<number> = signal(0);

function placeNow(): Place {
  if (typeof location === "undefined") return { path: "/", query: new URLSearchParams() };
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** "/alerts?state=open" of a path and what its query holds; empty values are left out. */
export function linkTo(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== "") parameters.set(key, value);
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Goes to a link of the console. */
export function go(link: string): void {
  if (link === `${location.pathname}${location.search}`) return;
  history.pushState(null, "", link);
  arrive(true);
}

/** Changes some of the query; undefined and empty take a key away. `replace` where going back should not stop here. */
export function setQuery(changes: Readonly<Record<string, string | undefined>>, replace = false): void {
  const query = new URLSearchParams(place.value.query);
  for (const [key, value] of Object.entries(changes))
    if (value === undefined || value === "") query.delete(key);
    else query.set(key, value);
  const text = query.toString();
  const link = text === "" ? place.value.path : `${place.value.path}?${text}`;
  if (link === `${location.pathname}${location.search}`) return;
  if (replace) history.replaceState(null, "", link);
  else history.pushState(null, "", link);
  arrive(false);
}

function arrive(isVisit: boolean): void {
  const before = place.value.path;
  place.value = placeNow();
  if (isVisit && before !== place.value.path) visits.value++;
}

/** Follows the browser's buttons, and takes clicks on links of the console. */
export function followPlaces(): void {
  addEventListener("popstate", () => arrive(true));
  document.addEventListener("click", (event) => {
    const link = ownLinkOf(event);
    if (link === undefined) return;
    event.preventDefault();
    go(link);
  });
}

/** Of a click that the browser would follow in this window to a page of the console. */
function ownLinkOf(event: MouseEvent): string | undefined {
  const anchor = event.target instanceof Element ? event.target.closest("a") : null;
  if (anchor === null || anchor.target !== "" || anchor.hasAttribute("download") || !isPlain(event)) return undefined;
  const { origin, hash, pathname, search } = anchor;
  if (origin !== location.origin || hash !== "" || /^\/(?:api|login|logout|session)\b/.test(pathname)) return undefined;
  return `${pathname}${search}`;
}

/** Others open tabs and windows. */
function isPlain({ defaultPrevented, button, metaKey, ctrlKey, shiftKey, altKey }: MouseEvent): boolean {
  return !defaultPrevented && button === 0 && !metaKey && !ctrlKey && !shiftKey && !altKey;
}

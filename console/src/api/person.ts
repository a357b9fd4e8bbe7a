/** Whether somebody is there: what a page asks by itself, as it follows alerts, must not keep a session alive that nobody uses. */

/** After so long without a key, a click or a scroll nobody is. */
const AWAY_MS = 60_000;

let lastMs = performance.now();

/** Listens to keys, clicks and scrolling, from now on. */
export function watchPerson(): void {
  const seen = (): void => {
    lastMs = performance.now();
  };
  for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"])
    addEventListener(kind, seen, { capture: true, passive: true });
}

/** Header of a request that is made by no person; none where somebody is there. */
export function backgroundHeader(): Readonly<Record<string, string>> {
  return performance.now() - lastMs > AWAY_MS ? { "X-Hosttrail-Background": "1" } : {};
}

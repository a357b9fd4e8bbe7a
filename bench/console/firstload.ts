/** What a browser fetches for a page. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";

export interface Fetched {
  path: string;
  /** Of the body, as it went over the wire. */
  bytes: number;
}

/** What comes after the first picture belongs to the load as well. */
const LATER_MS = 1000;

/** Opens a link and waits until the page is there; all that was fetched until a second after, largest first. A stream that is open is not among it. */
export async function firstLoad(page: Page, link: string, isThere: () => Promise<void>): Promise<Fetched[]> {
  const fetched: Fetched[] = [];
  const waiting: Promise<void>[] = [];
  page.on("requestfinished", (request) => {
    const { pathname: path } = new URL(request.url());
    waiting.push(request.sizes().then(({ responseBodySize: bytes }) => void fetched.push({ path, bytes })));
  });
  await page.goto(link, { waitUntil: "commit" });
  await isThere();
  await sleep(LATER_MS);
  page.removeAllListeners("requestfinished");
  await Promise.all(waiting);
  return fetched.toSorted((a, b) => b.bytes - a.bytes);
}

/** Recorded events of which none is as another, but for when it happened. */
import { createHash } from "node:crypto";
import type { Event } from "@hosttrail/proto/event";
import { documentsOf } from "./documents.ts";
import { liveEvents, recordedEvents, whyNotLive } from "./recorded.ts";

/** Live events beyond those that are missing: some are as others were. */
const SPARE = 1.3;

class Distinct {
  readonly events: Event[] = [];
  readonly #seen = new Set<string>();
  readonly #shapes = new Set<string>();

  add(events: readonly Event[], most: number): void {
    for (const event of events) {
      if (this.events.length >= most) return;
      const text = JSON.stringify(documentsOf(event));
      const hash = hashOf(text);
      if (this.#seen.has(hash)) continue;
      this.#seen.add(hash);
      this.#shapes.add(hashOf(text.replace(/\b[0-9a-f]*\d[0-9a-f]*\b/g, "#")));
      this.events.push(event);
    }
  }

  /** How many differ in more than numbers. */
  get shapes(): number {
    return this.#shapes.size;
  }
}

function hashOf(text: string): string {
  return createHash("sha1").update(text).digest("base64");
}

/** The repository's, and as many more of this machine's kernel as are wanted; `said` tells what came from where. */
export async function distinctEvents(wanted: number): Promise<{ events: Event[]; said: string[] }> {
  const distinct = new Distinct();
  distinct.add(recordedEvents(), wanted);
  const stored = distinct.events.length;
  const missing = wanted - stored;
  const why = missing > 0 ? await whyNotLive() : undefined;
  if (missing > 0 && why === undefined) distinct.add(await liveEvents(Math.ceil(missing * SPARE)), wanted);
  const { length } = distinct.events;
  const said = [
    `${length} distinct events, ${stored} of them from the repository and ${length - stored} of this machine's kernel now; ${distinct.shapes} differ in more than numbers`,
  ];
  if (why !== undefined) said.push(`this machine's kernel was not asked for more: ${why}`);
  if (length < wanted) said.push(`fewer than the ${wanted} that were wanted`);
  return { events: distinct.events, said };
}

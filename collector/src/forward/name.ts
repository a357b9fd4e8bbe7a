/** Names of batches: the same for the same content, so that what is sent again replaces what is there. */
import { createHash } from "node:crypto";
import { type ExportPlan, OUTSIDE } from "../model/index.ts";
import type { BatchName, Outlet } from "./ports.ts";

const HASH_LENGTH = 16;

export function batchNameOf({ name, filter }: Pick<Outlet, "name" | "filter">, plan: ExportPlan): BatchName {
  const { place, timeMs, text } = plan;
  const hash = createHash("sha256")
    .update(JSON.stringify([name, filter.text, place, timeMs, text]))
    .digest("hex");
  const time = new Date(timeMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return { id: `${time}-${hash.slice(0, HASH_LENGTH)}`, day: dayText(place), timeMs };
}

/** "YYYY-MM-DD" of "YYYYMMDD". */
function dayText(place: string): string {
  if (place === OUTSIDE) return OUTSIDE;
  return `${place.slice(0, 4)}-${place.slice(4, 6)}-${place.slice(6, 8)}`;
}

/** A recorded log as the events that an agent makes of it. */
import type { Event } from "@hosttrail/proto/event";
import { eventsOf, groupsOf } from "../capture.ts";

/** Events of a log's text (Latin-1), by the agent's own steps: nothing is asked of this machine. */
export function eventsOfLog(text: string): Event[] {
  return eventsOf(
    groupsOf(
      text.split("\n").filter((line) => line !== ""),
      false,
    ),
  );
}

/** Our events and alerts as lines of ArcSight's Common Event Format, shared by all who write in it. */
export { cefAlert } from "./alert.ts";
export { cefEvent } from "./event.ts";
export { cefLine, type Pair } from "./line.ts";

/** Word of this host's end, before it comes. */
export { Ending, type EndNotice } from "./ending.ts";
export { EndWatch } from "./watch.ts";

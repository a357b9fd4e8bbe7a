/**
 * What may be done with an alert in which state, and the alert as callers see it: what the detector made together with what people did.
 *
 * | state        | acknowledge  | close  | reopen | assign, comment |
 * |--------------|--------------|--------|--------|-----------------|
 * | open         | acknowledged | closed | –      | stays           |
 * | acknowledged | –            | closed | open   | stays           |
 * | closed       | –            | –      | open   | stays           |
 */
export { acknowledge, assign, close, closeUnlessClosed, comment, type Decide, reopen, WorkError } from "./decide.ts";
export { closeReasonOf, withWork } from "./join.ts";
export { isVisible } from "./visible.ts";

/** Moments, ranges and zones. */
export {
  type AskedRange,
  askedRange,
  bucketSeconds,
  momentMs,
  type Range,
  rangeText,
  readDuration,
  readMoment,
} from "./range.ts";
export {
  agoText,
  type Detail,
  durationText,
  msOf,
  msOfNano,
  rfcOf,
  setZone,
  timeText,
  zone,
  zoneName,
} from "./zone.ts";

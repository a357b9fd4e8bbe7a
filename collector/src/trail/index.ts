/** The trail of a host: which of its blocks are stored, and what is wrong with them. Pure; shared by store and query. */
export {
  EPOCHS_MAX,
  extendTrail,
  forkEpoch,
  forkId,
  HOLE_GRACE_MS,
  isTaken,
  type Link,
  missingEvents,
  RANGES_MAX,
  untoldHole,
} from "./chain.ts";

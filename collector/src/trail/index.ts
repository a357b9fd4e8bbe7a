/** The trail of a host: which of its blocks are stored, where, and what is wrong with them. Shared by the steps; knows no server. */
export {
  EPOCHS_MAX,
  extendTrail,
  forkEpoch,
  forkId,
  HOLE_GRACE_MS,
  isTaken,
  isTold,
  type Link,
  missingEvents,
  RANGES_MAX,
  untoldHole,
} from "./chain.ts";
export { type HostArchive, HostBook, type HostFacts, withFacts } from "./hosts.ts";
export { isNotice, type Notice, noticeBlock, type NoticeKind } from "./notice.ts";
export { dayOf, type PlaceOptions, placeOf, placesOf } from "./place.ts";

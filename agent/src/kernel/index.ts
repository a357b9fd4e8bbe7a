/** The kernel's audit subsystem as a service: the addon, its settings, and what we changed of them. */
export {
  errnoOf,
  native,
  NO_TEXT,
  type ReaderHandle,
  type ReaderStatistics,
  RECORD_HEAD,
  TEXTS_MAX,
} from "./native.ts";
export { notifyManager, tellManager, type StoredSocket, storedSocket, storeSocket, unstoreSocket } from "./manager.ts";
export { giveMemoryBack } from "./memory.ts";
export { KernelAudit, type KernelSettings, type KernelStatus, whyNoAudit } from "./status.ts";

/** What the agent's steps share. */
export { ARCH, type ArchName, nameSyscall, nativeArch, syscallNumber } from "./architecture.ts";
export type { RawRecord, RecordGroup } from "./record.ts";

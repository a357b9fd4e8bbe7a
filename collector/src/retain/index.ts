/** What is kept, for how long, and what is dropped: policies, holds, the plan, and the work itself. */
export { RetentionApi } from "./api.ts";
export { type AsideSource, FileAside } from "./aside.ts";
export { Policies } from "./policy.ts";
export type { RetainArchive } from "./ports.ts";
export { Retainer, type RetainOptions } from "./retainer.ts";

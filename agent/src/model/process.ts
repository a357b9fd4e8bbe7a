/** Processes of which little is known. */
import type { Process } from "@hosttrail/proto/event";

/** A process of which only the pid is known. */
export function emptyProcess(pid: number): Process {
  return {
    entityId: "",
    pid,
    name: "",
    executable: "",
    args: [],
    workingDirectory: "",
    title: "",
    startUnixNano: 0n,
    tty: "",
    provenance: "",
    parent: undefined,
    ancestry: [],
    sessionId: 0,
    argsCount: 0,
  };
}

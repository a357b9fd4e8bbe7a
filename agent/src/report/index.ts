/**
 * Events about the agent itself: what it lost, what it was told to leave out, what others did to its rules. They stand in the
 * trail like all others, signed and numbered, so that a gap is explained where it is found.
 */
import type { AgentAction } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";

/** A fact about the agent. The names of its fields become `audit` record fields. */
export interface Report {
  /** event.action. */
  action: AgentAction;
  /** Name of the record, after "HOSTTRAIL_". */
  name: string;
  outcome: "success" | "failure" | "unknown";
  fields: Readonly<Record<string, string | number | bigint>>;
}

/** Records of the agent's own have no number of the kernel. */
const OWN_RECORD = 0;
const CATEGORY = ["configuration"];
const TYPE = ["info"];
const NO_BYTES = new Uint8Array(0);

/** The report as an event of now. */
export function reportEvent({ action, name, outcome, fields }: Report, nowMs: number): Event {
  const entries = Object.entries(fields).map(([key, value]) => ({ key, value: String(value), valueBytes: NO_BYTES }));
  return {
    id: "",
    event: {
      timeUnixNano: BigInt(Math.trunc(nowMs)) * 1_000_000n,
      kind: name === "LEDGER" ? "metric" : "state",
      category: CATEGORY,
      type: TYPE,
      action,
      outcome,
      sequence: 0n,
    },
    host: undefined,
    process: undefined,
    user: undefined,
    files: [],
    source: undefined,
    destination: undefined,
    container: undefined,
    cloud: undefined,
    audit: {
      serial: 0,
      node: "",
      partial: "",
      syscall: undefined,
      keys: [],
      records: [
        {
          type: OWN_RECORD,
          typeName: `HOSTTRAIL_${name}`,
          layout: entries.map(({ key }) => `${key}=`).join(" "),
          fields: entries,
        },
      ],
      redacted: 0,
    },
    targets: [],
  };
}

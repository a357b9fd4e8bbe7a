/** What the hosts of a run do: the same for the same host and number, whoever was killed meanwhile. And the rules that look at it. */
import type { Event } from "@hosttrail/proto/event";
import { executed } from "../publisher.ts";

export interface AgentsPlan {
  endpoints: string[];
  caFile: string;
  /** Where spools lie. */
  directory: string;
  hosts: { number: number; hostId: string; name: string; certificateFile: string; keyFile: string }[];
  /** When all of them began, milliseconds since 1970. */
  startMs: number;
  /** Events of each. */
  events: number;
}

/** What a process of hosts says last. */
export const ALL_STORED = "all is stored";
/** Milliseconds from one event of a host to the next: a usual host makes some five a second. */
export const EVENT_INTERVAL_MS = 200;

/** Programs that the rules look for, as arguments of a made program. */
export const RULES = `
title: Word alpha
name: word_alpha
logsource: {product: linux, category: process_creation}
detection: {selection: {CommandLine|contains: word-alpha}, condition: selection}
---
title: Word beta
name: word_beta
level: low
logsource: {product: linux, category: process_creation}
detection: {selection: {CommandLine|contains: word-beta}, condition: selection}
---
title: Many alphas
name: many_alphas
level: high
correlation: {type: event_count, rules: [word_alpha], group-by: [host.id], timespan: 1m, condition: {gte: 5}}
---
title: Alpha before beta
name: alpha_before_beta
level: high
correlation: {type: temporal_ordered, rules: [word_alpha, word_beta], group-by: [host.id], timespan: 20s}
---
title: Alphas on many hosts
name: alphas_on_many_hosts
correlation: {type: value_count, rules: [word_alpha], timespan: 30s, condition: {field: host.id, gte: 10}}
`;

/** The word of an event: now and then one that a rule looks for, in bursts. */
function wordOf(host: number, seq: number): string {
  const burst = Math.floor(seq / 40);
  const mixed = Math.imul(burst * 131 + host * 7919 + 17, 0x9e3779b1) >>> 0;
  if (mixed % 5 !== 0) return "nothing";
  return seq % 8 === 0 ? "alpha" : seq % 40 === 39 ? "beta" : "nothing";
}

/** Event number `seq` of a host, which began at `startMs`. */
export function eventOf(host: number, seq: number, startMs: number): Event {
  const timeNano = BigInt(startMs + seq * EVENT_INTERVAL_MS) * 1_000_000n;
  return executed(["/bin/true", `chaos-${host}-${seq}`, `word-${wordOf(host, seq)}`], timeNano);
}

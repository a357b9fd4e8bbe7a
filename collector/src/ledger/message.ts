/** Accounts as the API gives them. */
import { eventId } from "@hosttrail/lib/block";
import {
  type AgentCounts,
  type Ledger,
  type LedgerReason,
  LedgerReasonKind,
  LedgerState as StateNumber,
  type LedgerStretch,
  type TrailCounts,
} from "@hosttrail/proto/ledger";
import { timestampOf } from "../serve/index.ts";
import {
  byInterval,
  firstFault,
  judgedUntilMs,
  type LedgerState,
  type Reason,
  type ReasonKind,
  type Stretch,
  stateOf,
  sumOf,
} from "./account.ts";
import type { HostAccount } from "./read.ts";

const STATES: Readonly<Record<LedgerState, StateNumber>> = {
  balanced: StateNumber.BALANCED,
  open: StateNumber.OPEN,
  loss: StateNumber.LOSS,
  unbalanced: StateNumber.UNBALANCED,
};

const KINDS: Readonly<Record<ReasonKind, LedgerReasonKind>> = {
  "kernel-lost": LedgerReasonKind.KERNEL_LOST,
  "serial-gaps": LedgerReasonKind.SERIAL_GAPS,
  overruns: LedgerReasonKind.OVERRUNS,
  unreadable: LedgerReasonKind.UNREADABLE,
  "unread-files": LedgerReasonKind.UNREAD_FILES,
  filtered: LedgerReasonKind.FILTERED,
  failed: LedgerReasonKind.FAILED,
  evicted: LedgerReasonKind.EVICTED,
  quarantined: LedgerReasonKind.QUARANTINED,
  discarded: LedgerReasonKind.DISCARDED,
  dead: LedgerReasonKind.DEAD,
  "dead-dropped": LedgerReasonKind.DEAD_DROPPED,
  gone: LedgerReasonKind.GONE,
  "never-came": LedgerReasonKind.NEVER_CAME,
  "unbalanced-agent": LedgerReasonKind.UNBALANCED_AGENT,
};

/** The ledger of a host; `intervalMs` undefined where no stretches are wanted. */
export function ledgerOf(account: HostAccount, intervalMs: number | undefined): Ledger {
  const { hostId, name, stretches } = account;
  const whole = sumOf(stretches);
  const fault = firstFault(stretches);
  const { agent, trail, reasons, state } = stretchOf(hostId, whole);
  return {
    hostId,
    hostName: name,
    state,
    agent,
    trail,
    reasons,
    stretches: intervalMs === undefined ? [] : byInterval(stretches, intervalMs).map((each) => stretchOf(hostId, each)),
    firstFault: fault && stretchOf(hostId, fault),
    judgedUntilTime: timestampOf(judgedUntilMs(stretches) ?? 0),
    reports: BigInt(account.reports),
    unreported: account.unreported,
    completeness: undefined,
  };
}

function stretchOf(hostId: string, stretch: Stretch): LedgerStretch {
  const { fromMs, toMs, agent, trail, reasons } = stretch;
  const isSome = Number.isFinite(fromMs);
  return {
    startTime: isSome ? timestampOf(fromMs) : undefined,
    endTime: isSome ? timestampOf(toMs) : undefined,
    state: STATES[stateOf(stretch)],
    agent: agentOf(agent),
    trail: { ...trail } satisfies TrailCounts,
    reasons: reasons.map((reason) => reasonOf(hostId, reason)),
  };
}

function agentOf({ shed, stored, found: _found, ...agent }: Stretch["agent"]): AgentCounts {
  return { ...agent, filtered: shed, acknowledged: stored };
}

function reasonOf(hostId: string, { kind, count, detail, events }: Reason): LedgerReason {
  return {
    kind: KINDS[kind],
    count,
    detail,
    events: events.map(({ epoch, first, next }) => ({
      firstEventId: eventId(hostId, epoch, first),
      count: next - first,
    })),
  };
}

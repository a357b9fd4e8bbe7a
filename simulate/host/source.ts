/** Stands in for agent/src/source: hands records on from the simulated ring, as the reader does from its own. */
import { type Machine, Present, runningProcess } from "../schedule/index.ts";
import type { EventName, KernelRing } from "./ring.ts";

export const presentRings: Present<(machine: Machine) => KernelRing> = new Present("rings");

/** Records that are handed on in one turn, at most. */
const RECORDS_MAX = 64;

interface Record {
  type: number;
  node: string;
  seconds: number;
  milliseconds: number;
  serial: number;
  text: string;
  actor: string;
  call: undefined;
  enriched: string;
  position: number;
}

interface SimulatedSource {
  name: string;
  endOfEventExpected: boolean;
  counters(): {
    records: number;
    overruns: number;
    foreign: number;
    ringWaits: number;
    receiveBufferBytes: number;
    parseFailures: number;
    unreadFiles: number;
  };
  position(): number;
  commit(position: number, spooled: readonly EventName[]): void;
  spooledBefore(): EventName[];
  readBeforeTo: number;
  hasUnread(): boolean;
  pause(): void;
  resume(): void;
  shrink(): void;
  close(release: boolean): Promise<void>;
  finished: Promise<void>;
}

export function openSource(_options: object, take: (record: Record, nowMs: number) => void): SimulatedSource {
  const process = runningProcess();
  const ring = presentRings.now(process.machine);
  const before = [...ring.beyond];
  const readBeforeTo = ring.end;
  let position = ring.committed;
  ring.readTo = position;
  let records = 0;
  let isPaused = false;
  let isClosed = false;
  let next: NodeJS.Immediate | undefined;
  const handOn = (most: number): boolean => {
    for (let count = 0; count < most; count++) {
      const given = ring.at(position);
      if (given === undefined) return false;
      const { type, timeMs, serial, text } = given;
      const seconds = Math.floor(timeMs / 1000);
      const record = {
        type,
        node: "",
        seconds,
        milliseconds: timeMs - seconds * 1000,
        serial,
        text,
        actor: "",
        call: undefined,
      };
      const from = position++;
      ring.readTo = position;
      records++;
      take({ ...record, enriched: "", position: from }, performance.now());
    }
    return true;
  };
  const drain = (): void => {
    next = undefined;
    if (!isPaused && !isClosed && handOn(RECORDS_MAX)) next = setImmediate(drain);
  };
  const wake = (): void => void (next ??= setImmediate(drain));
  ring.attach(process, wake);
  wake();
  return {
    name: "simulated",
    endOfEventExpected: true,
    counters: () => ({
      records,
      overruns: 0,
      foreign: 0,
      ringWaits: 0,
      receiveBufferBytes: 0,
      parseFailures: 0,
      unreadFiles: 0,
    }),
    position: () => position,
    commit(to, spooled) {
      process.enterCall();
      ring.commit(to, spooled);
    },
    spooledBefore: () => before,
    readBeforeTo,
    hasUnread: () => position < ring.end,
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      wake();
    },
    shrink: () => undefined,
    async close() {
      if (isClosed) return;
      isClosed = true;
      clearImmediate(next);
      ring.detach();
      if (!isPaused) handOn(Number.POSITIVE_INFINITY);
      await Promise.resolve();
    },
    finished: new Promise<void>(() => undefined),
  };
}

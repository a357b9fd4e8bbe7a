/** Stands in for agent/src/control: the world asks as a person does by `hosttrail-agent status`. */
import type { Machine } from "../schedule/index.ts";
import { runningProcess } from "../schedule/index.ts";

type Question = { ask: "status" } | { ask: "emit-canary" | "get-canary"; nonce: string };
export type Answer = (question: Question) => unknown;

const doors = new WeakMap<Machine, Answer>();

export function openControl(_directory: string, answer: Answer): { close(): void } {
  const { machine } = runningProcess();
  doors.set(machine, answer);
  return { close: () => void doors.delete(machine) };
}

/** The door of the agent on a machine; undefined where none is open. */
export function controlOf(machine: Machine): Answer | undefined {
  return doors.get(machine);
}

/** An agent is gone without closing its door. */
export function forgetControl(machine: Machine): void {
  doors.delete(machine);
}

/** Stands in for node:os: the simulated machine. */
import { isRunning, runningProcess } from "../schedule/index.ts";

export function hostname(): string {
  return isRunning() ? runningProcess().machine.name : "nobody";
}

export function networkInterfaces(): Record<string, never> {
  return {};
}

export function release(): string {
  return "6.1.0-simulated";
}

export function arch(): string {
  return "x64";
}

export function availableParallelism(): number {
  return 2;
}

export function setPriority(): void {
  // Nobody else wants the simulated processor.
}

export const constants: { signals: Record<string, number> } = { signals: {} };

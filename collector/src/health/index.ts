/** Whether this process's roles can do their work: for balancers and those who start and stop processes. */
import type { Probe } from "./probe.ts";

export { Probe } from "./probe.ts";

/** A role's state; *ready* or what it lacks. Names of probes only: no addresses, no errors. */
export type RoleState = "ready" | "starting" | "stopping" | `lacks ${string}`;

export interface Report {
  isReady: boolean;
  /** By role. */
  roles: Readonly<Record<string, RoleState>>;
}

/** States of each role: starting -> running (ready, or lacking something) -> stopping. */
export class Readiness {
  /** Undefined while a role starts. */
  readonly #roles = new Map<string, readonly Probe[] | undefined>();
  #isStopping = false;

  constructor(roles: readonly string[]) {
    for (const role of roles) this.#roles.set(role, undefined);
  }

  /** The role runs, and can work while all of these answer. */
  runs(role: string, needs: readonly Probe[]): void {
    this.#roles.set(role, needs);
  }

  /** The role has nothing to do here. */
  forget(role: string): void {
    this.#roles.delete(role);
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** Takes as long as the slowest probe may. Never throws. */
  async look(): Promise<Report> {
    const states = await Promise.all(
      Array.from(this.#roles, async ([role, needs]) => [role, await this.#stateOf(needs)] as const),
    );
    return { isReady: states.every(([, state]) => state === "ready"), roles: Object.fromEntries(states) };
  }

  async #stateOf(needs: readonly Probe[] | undefined): Promise<RoleState> {
    if (this.#isStopping) return "stopping";
    if (needs === undefined) return "starting";
    const answers = await Promise.all(needs.map(async (probe) => ({ name: probe.name, answers: await probe.look() })));
    const lacking = answers.filter(({ answers: isThere }) => !isThere).map(({ name }) => name);
    return lacking.length === 0 ? "ready" : `lacks ${lacking.join(", ")}`;
  }
}

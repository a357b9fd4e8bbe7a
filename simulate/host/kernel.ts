/** Stands in for agent/src/kernel: the simulated machines' events come by source.ts, and nobody manages the agent. */
export class KernelAudit {
  status(): never {
    throw new Error("the simulated machine has no kernel that can be asked");
  }
}

export function native(): never {
  throw new Error("the simulated machine has no native addon");
}

export function giveMemoryBack(): void {
  // There is none to give back.
}

export function notifyManager(_word: string): void {
  // Nobody listens.
}

export function tellManager(): NodeJS.Timeout | undefined {
  return undefined;
}

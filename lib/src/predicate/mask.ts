/** Which events of a block: a byte for each, 1 for those that are meant. */
export type Mask = Uint8Array;

export function noEvents(count: number): Mask {
  return new Uint8Array(count);
}

export function allEvents(count: number): Mask {
  return new Uint8Array(count).fill(1);
}

export function hasAny(mask: Mask): boolean {
  return mask.includes(1);
}

/** Those of `among`, or of all, that are not in `mask`. */
export function without(mask: Mask, among: Mask | undefined): Mask {
  const left = new Uint8Array(mask.length);
  if (among === undefined) for (let event = 0; event < mask.length; event++) left[event] = (mask[event] ?? 0) ^ 1;
  else for (let event = 0; event < mask.length; event++) left[event] = (among[event] ?? 0) & ((mask[event] ?? 0) ^ 1);
  return left;
}

/** Adds those of another one. */
export function add(mask: Mask, more: Mask): void {
  for (let event = 0; event < mask.length; event++) mask[event] = (mask[event] ?? 0) | (more[event] ?? 0);
}

/** Numbers of the events, ascending. */
export function eventsOf(mask: Mask): number[] {
  const events: number[] = [];
  // To look for the next one takes long where it is just the next one.
  for (let event = mask.indexOf(1); event >= 0; event = mask.indexOf(1, event))
    while (mask[event] === 1) events.push(event++);
  return events;
}

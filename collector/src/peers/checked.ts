/** What is said of a field of another process's message that is not as it must be. */

/** A message that is not what it should be: it names what, where, and what is allowed. */
export class PeerMessageError extends Error {
  override readonly name = "PeerMessageError";
}

const SHOWN_MAX = 64;

/** The value where it is allowed. Throws a PeerMessageError. */
export function checked<Value>(place: string, value: Value, allowed: string, isAllowed: boolean): Value {
  if (isAllowed) return value;
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, SHOWN_MAX)) : String(value);
  throw new PeerMessageError(`${place} is ${shown}; allowed are ${allowed}`);
}

/** The keys that rules of the kernel give their events. */
import { decodeRule } from "./data.ts";
import { FIELDS } from "./fields.ts";

const SEPARATOR = "\u0001";

/** Each once, in the order of the rules; `payloads` are what the kernel lists. */
export function keysOfRules(payloads: readonly Buffer[]): string[] {
  const keys = payloads.flatMap((payload) => {
    const fields = decodeRule(payload)?.fields ?? [];
    return fields.flatMap(({ field, value }) =>
      field === FIELDS["key"]?.number && typeof value === "string" ? value.split(SEPARATOR) : [],
    );
  });
  return [...new Set(keys)];
}

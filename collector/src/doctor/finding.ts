/** What was found, and what to do about it. */
export interface Finding {
  level: "ok" | "warning" | "failed";
  text: string;
}

export const ok = (text: string): Finding => ({ level: "ok", text });
export const warning = (text: string): Finding => ({ level: "warning", text });
export const failed = (text: string): Finding => ({ level: "failed", text });

const LENGTH_MAX = 512;

/** An error's text without what stands before an @ in addresses: drivers repeat what they were given, passwords too. */
export function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\/\/[^@/\s]*@/g, "//…@").slice(0, LENGTH_MAX);
}

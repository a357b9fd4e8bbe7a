/** A value as programs read it: JSON on one line. */
export function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

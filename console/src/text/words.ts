/** Numbers and names as people read them. */

const GROUPED: Intl.NumberFormat = new Intl.NumberFormat("en", { useGrouping: true });

/** A whole number as JSON has it, with its thousands apart: "1,234,567". */
export function countText(count: string | number | undefined): string {
  return GROUPED.format(typeof count === "string" ? BigInt(count) : (count ?? 0));
}

/** "1 alert", "2 alerts". */
export function counted(count: string | number | undefined, one: string, many: string = `${one}s`): string {
  return `${countText(count)} ${Number(count ?? 0) === 1 ? one : many}`;
}

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytesText(bytes: string | number | undefined): string {
  let value = Number(bytes ?? 0);
  let unit = 0;
  while (value >= 1024 && unit < BYTES.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${BYTES[unit]}`;
}

/** "ALERT_STATE_OPEN" of the prefix "ALERT_STATE" is "open"; underscores become blanks. */
export function wordOf(name: string | undefined, prefix: string): string {
  if (name === undefined) return "";
  return (name.startsWith(`${prefix}_`) ? name.slice(prefix.length + 1) : name).toLowerCase().replaceAll("_", " ");
}

/** Host ids are long: their beginning tells them apart. */
export function shortId(id: string | undefined): string {
  return (id ?? "").slice(0, 8);
}

/** Whom an alert is there for. */
import type { Alert } from "@hosttrail/proto/alert";
import type { HostSet } from "../access/index.ts";

/** Whether an alert is there for a caller: all of its hosts must be. What is of no host is of all. */
export function isVisible({ hosts: own }: Pick<Alert, "hosts">, hosts: HostSet): boolean {
  return hosts === undefined || (own.length > 0 && own.every(({ id }) => hosts.has(id)));
}

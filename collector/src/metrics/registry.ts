/** Where all metrics of the process are registered, Node's own among them. */
import { collectDefaultMetrics, Registry } from "prom-client";

export const registry: Registry = new Registry();
collectDefaultMetrics({ register: registry, prefix: "hosttrail_" });

/** Counts what is asked of AWS, tries included. */
import type { MiddlewareStack } from "@smithy/types";
import { metrics } from "../metrics/index.ts";
import type { CloudCalls } from "../model/index.ts";
import { isThrottle } from "./failure.ts";

export class CallCounter {
  readonly #counts = new Map<string, { calls: number; throttled: number }>();

  /** By operation, in the order of their names. */
  get calls(): CloudCalls[] {
    return Array.from(this.#counts, ([operation, counts]) => ({ operation, ...counts })).sort((a, b) =>
      a.operation < b.operation ? -1 : 1,
    );
  }

  /** Counts the tries of a client. */
  watch<Input extends object, Output extends object>({
    middlewareStack,
  }: {
    middlewareStack: MiddlewareStack<Input, Output>;
  }): void {
    middlewareStack.add(
      (next, { commandName = "" }) =>
        async (args) => {
          const operation = commandName.replace(/Command$/, "");
          const counts = this.#counts.get(operation) ?? { calls: 0, throttled: 0 };
          this.#counts.set(operation, counts);
          counts.calls++;
          try {
            const answer = await next(args);
            metrics.coverageCalls.inc({ operation, result: "OK" });
            return answer;
          } catch (error) {
            const throttled = isThrottle(error);
            if (throttled) counts.throttled++;
            metrics.coverageCalls.inc({ operation, result: throttled ? "throttled" : "failed" });
            throw error;
          }
        },
      // Each try passes by here; the SDK's own step that makes an error of an answer lies behind it.
      { step: "deserialize", priority: "high", name: "hosttrailCount" },
    );
  }
}

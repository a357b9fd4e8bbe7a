/** What the server's refusal means. */
import { RetryableError, StreamFullError } from "../model/index.ts";

const FULL_RETRY_MS = 5000;
const UNREADY_RETRY_MS = 500;

/** A full stream asks to slow down, a missing leader to wait, a message that is too large to be set up otherwise. */
export function classify(
  error: unknown,
  what: "block" | "match" | "alert" | "notification" | "checkpoint" | "dead letter",
): RetryableError {
  const text = String(error);
  // Set up otherwise, the server will take it.
  if (/max_payload|maximum payload/i.test(text)) return new RetryableError(text, FULL_RETRY_MS, { cause: error });
  if (/maximum bytes exceeded|maximum messages exceeded|resource limits/i.test(text)) {
    return new StreamFullError(`the stream of ${what}${what === "match" ? "es" : "s"} is full`, FULL_RETRY_MS, {
      cause: error,
    });
  }
  return new RetryableError(`JetStream did not take the ${what}: ${text}`, UNREADY_RETRY_MS, { cause: error });
}

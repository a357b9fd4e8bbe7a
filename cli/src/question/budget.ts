/** What answering may take, as "time=10s,bytes=2G,events=5M". */
import { Budget } from "@hosttrail/proto/scan";
import { parseDuration } from "../time.ts";

const SUFFIXES: Readonly<Record<string, bigint>> = {
  "": 1n,
  k: 1000n,
  M: 1_000_000n,
  G: 1_000_000_000n,
  T: 1_000_000_000_000n,
  Ki: 1024n,
  Mi: 1024n ** 2n,
  Gi: 1024n ** 3n,
  Ti: 1024n ** 4n,
};

/** Undefined where nothing is said: then the collector's own bounds hold. Throws where it is none. */
export function parseBudget(text: string | undefined): Budget | undefined {
  if (text === undefined) return undefined;
  const budget = Budget.fromPartial({});
  for (const part of text.split(",")) {
    const [, name = "", value = ""] = /^(time|bytes|events)=(.+)$/.exec(part.trim()) ?? [];
    if (name === "time") budget.timeMs = BigInt(parseDuration("--budget time", value)) * 1000n;
    else if (name === "bytes") budget.bytes = amount(name, value);
    else if (name === "events") budget.events = amount(name, value);
    else throw new Error(`--budget is "${text}"; allowed are time=10s, bytes=2G and events=5M, joined by commas`);
  }
  return budget;
}

function amount(name: string, text: string): bigint {
  const [, digits = "", suffix = ""] = /^(\d{1,15})([kMGT]i?|Ki)?$/.exec(text) ?? [];
  const factor = SUFFIXES[suffix];
  if (digits === "" || factor === undefined || BigInt(digits) === 0n)
    throw new Error(`--budget ${name} is "${text}"; it must be a number as 500, 200k, 5M or 2Gi`);
  return BigInt(digits) * factor;
}

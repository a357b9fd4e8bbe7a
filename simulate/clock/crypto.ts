/** Stands in for node:crypto: the same, but for what is drawn. */
import { presentChance } from "./index.ts";

export * from "node:crypto";

export function randomBytes(length: number): Buffer {
  return presentChance.now.bytes(length);
}

export function randomInt(least: number, below?: number): number {
  return below === undefined ? presentChance.now.whole(0, least - 1) : presentChance.now.whole(least, below - 1);
}

export function randomUUID(): string {
  const hex = presentChance.now.bytes(16).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join("-");
}

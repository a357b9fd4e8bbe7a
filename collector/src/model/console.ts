/** Of the console: sessions of people, and links that open one. */

export interface ConsoleSession {
  /** SHA-256 of what the browser has, hex. */
  id: string;
  /** As in Identity: what its caller is known by, their name first. */
  subjects: readonly string[];
  /** How it was begun. */
  way: LoginWay;
  createMs: number;
  /** When somebody last asked something, more or less. */
  usedMs: number;
  endMs: number;
}

export type LoginWay = "provider" | "token" | "certificate" | "link";

export interface LoginLink {
  /** SHA-256 of its code, hex. */
  id: string;
  subjects: readonly string[];
  /** When what its maker was known by ends; Infinity where nothing says so. */
  identityEndMs: number;
  expireMs: number;
}

/** Who is logged in. The session itself is a cookie that no script can read; what is here is what the collector says of it. */
import { type Signal, signal } from "@preact/signals";

export type Way = "provider" | "token" | "certificate" | "link";
export type Role = "viewer" | "responder" | "admin";

export interface Session {
  caller: string;
  role: Role;
  /** Only hosts with all of these labels are there; empty for all hosts. */
  scope: Readonly<Record<string, string>>;
  /** RFC 3339: when it ends whatever is done, and when it ends where nothing is done. */
  expires: string;
  idleExpires: string;
  version: string;
  ways: readonly Way[];
}

/** How somebody can log in here. */
export interface Door {
  ways: readonly Way[];
  /** What the button of the identity provider says. */
  provider: string;
}

export type Standing =
  | { state: "unknown" }
  | { state: "out"; door: Door }
  | { state: "in"; session: Session; door: Door }
  /** No answer: the collector is away. */
  | { state: "unreachable"; message: string };

export const standing: Signal<Standing> = signal({ state: "unknown" });

/** True while somebody who was logged in has to log in again, over the page as it is. */
export const isLoginAsked: Signal<boolean> = signal(false);

/** What every request carries, so that no page of another origin can make one. */
export const CONSOLE_HEADER: Readonly<Record<string, string>> = { "X-Hosttrail-Console": "1" };

const ROLES: readonly Role[] = ["viewer", "responder", "admin"];

/** Whether the caller may do what asks for this role; the collector decides it again. */
export function mayAct(least: Role): boolean {
  const { value } = standing;
  return value.state === "in" && ROLES.indexOf(value.session.role) >= ROLES.indexOf(least);
}

const NO_DOOR: Door = { ways: [], provider: "" };

/** Asks the collector who is logged in. */
export async function askSession(): Promise<Standing> {
  const before = standing.value;
  const now = await readStanding();
  if (before.state === "in" && now.state !== "in") {
    // The page stays as it is, with all that was typed there.
    if (now.state === "out") {
      standing.value = { ...before, door: now.door };
      isLoginAsked.value = true;
    }
    return now;
  }
  standing.value = now;
  if (standing.value.state === "in") {
    isLoginAsked.value = false;
    for (const go of waiting.splice(0)) go(true);
  }
  return now;
}

async function readStanding(): Promise<Standing> {
  try {
    const response = await fetch("/session", { headers: CONSOLE_HEADER, cache: "no-store" });
    const json = (await response.json()) as Partial<Session & Door>;
    const door: Door = { ways: json.ways ?? [], provider: json.provider ?? "" };
    if (response.status === 401) return { state: "out", door };
    if (!response.ok)
      return { state: "unreachable", message: `the collector answered with HTTP status ${response.status}` };
    const { caller = "", role = "viewer", scope = {}, expires = "", idleExpires = "", version = "" } = json;
    return { state: "in", door, session: { caller, role, scope, expires, idleExpires, version, ways: door.ways } };
  } catch {
    return { state: "unreachable", message: "the collector does not answer" };
  }
}

/** Logs in with what was typed. Gives what went wrong, in words; undefined where nothing did. */
export async function logIn(
  way: Exclude<Way, "provider">,
  body: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  try {
    const response = await fetch(`/login/${way}`, {
      method: "POST",
      headers: { ...CONSOLE_HEADER, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) {
      const { message } = (await response.json().catch(() => ({}))) as { message?: string };
      return message ?? `the collector answered with HTTP status ${response.status}`;
    }
  } catch {
    return "the collector does not answer";
  }
  const now = await askSession();
  return now.state === "in"
    ? undefined
    : "the collector took it, and knows no session: does this browser take its cookie?";
}

export async function logOut(): Promise<void> {
  const response = await fetch("/logout", { method: "POST", headers: CONSOLE_HEADER }).catch(() => undefined);
  // Without an answer the session may live on: nobody should go away from the screen and think that it does not.
  if (response === undefined) return;
  standing.value = { state: "out", door: "door" in standing.value ? standing.value.door : NO_DOOR };
  await askSession();
}

const waiting: ((isIn: boolean) => void)[] = [];

/** Calls that wait for a login; more are given up. */
const WAITING_MAX = 256;

/** A call was refused since its session ended: asks for a login over the page, and gives true once somebody is logged in. */
export async function loginAgain(signal: AbortSignal): Promise<boolean> {
  if (signal.aborted || waiting.length >= WAITING_MAX) return false;
  // The page of the login has its own form.
  if (standing.value.state === "in") isLoginAsked.value = true;
  return await new Promise((resolve) => {
    waiting.push(resolve);
    signal.addEventListener("abort", () => {
      const at = waiting.indexOf(resolve);
      if (at >= 0) waiting.splice(at, 1);
      resolve(false);
    });
  });
}

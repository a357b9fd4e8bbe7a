/**
 * `hosttrail-agent verify`: the proof that events of this host arrive. The running agent makes a canary event with a nonce, and the
 * collector is asked until it has read that event back from its database. What arrived must be of this version and these rules.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentConfig } from "../config/index.ts";
import { askControl } from "../control/index.ts";
import { readRules, rulesSha256 } from "../rules/index.ts";
import { doctor } from "./doctor.ts";

const POLL_MS = 200;

export interface VerifyOptions {
  /** How long to wait for the proof. */
  timeoutSeconds: number;
  /** Version of the program that asks. */
  version: string;
  json: boolean;
}

interface Canary {
  hostId: string;
  agentVersion: string;
  rulesSha256: string;
  eventId: string;
}

/** Prints the proof, or throws with the reason after what doctor finds. */
export async function verify(config: AgentConfig, options: VerifyOptions): Promise<void> {
  try {
    const rules = desiredRules(config);
    // Reading them is no part of the time: on a slow host it takes seconds, and no reason would be known.
    const start = performance.now();
    const canary = await prove(config, options, rules, start + options.timeoutSeconds * 1000);
    const seconds = Number(((performance.now() - start) / 1000).toFixed(2));
    const proof = {
      host_id: canary.hostId,
      event_id: canary.eventId,
      version: canary.agentVersion,
      rules_sha256: canary.rulesSha256,
      seconds,
    };
    process.stdout.write(
      options.json
        ? `${JSON.stringify(proof)}\n`
        : `host ${proof.host_id}: event ${proof.event_id} is stored after ${seconds} s (version ${proof.version}, rules ${proof.rules_sha256.slice(0, 12)})\n`,
    );
  } catch (error) {
    await doctor(config, process.stderr);
    throw error;
  }
}

function desiredRules({ audit, hostRoot }: AgentConfig): string {
  return rulesSha256(
    readRules({ files: audit.rulesFiles, directory: audit.rulesDirectory, ownPid: 0, root: hostRoot }),
  );
}

async function prove(
  config: AgentConfig,
  { version, timeoutSeconds }: VerifyOptions,
  rules: string,
  end: number,
): Promise<Canary> {
  const nonce = randomBytes(16).toString("hex");
  let reason = "";
  let emitted = false;
  // The agent may have been started a moment ago, and may have to enrol first.
  do {
    try {
      if (!emitted) await askControl(config.runtimeDirectory, { ask: "emit-canary", nonce });
      emitted = true;
      const canary = (await askControl(config.runtimeDirectory, { ask: "get-canary", nonce })) as Canary | null;
      if (canary !== null) return await check(canary, config, version, rules);
      reason = "the collector has not stored it yet; is its store role running, and its database in reach?";
    } catch (error) {
      if (error instanceof Mismatch) throw error;
      reason = error instanceof Error ? error.message : String(error);
    }
    await sleep(POLL_MS);
  } while (performance.now() < end);
  throw new Error(`no event of this host was proved to be stored within ${timeoutSeconds} s: ${reason}`);
}

/** What arrived is not what should have. */
class Mismatch extends Error {}

async function check(canary: Canary, config: AgentConfig, version: string, rules: string): Promise<Canary> {
  const fail = (what: string, is: string, should: string): never => {
    throw new Mismatch(`events arrive, but the running agent has ${what} ${is} instead of ${should}: restart it`);
  };
  if (canary.agentVersion !== version) fail("version", canary.agentVersion, version);
  if (canary.rulesSha256 !== rules) fail("rules", canary.rulesSha256, rules);
  const { rules: state } = (await askControl(config.runtimeDirectory)) as {
    rules?: { failure: string; problems: { file: string; line: number; reason: string }[] };
  };
  if (state !== undefined && state.failure !== "")
    throw new Mismatch(`events arrive, but the audit rules are not as they should be: ${state.failure}`);
  const [problem] = state?.problems ?? [];
  if (problem !== undefined)
    throw new Mismatch(
      `events arrive, but an audit rule is not loaded: ${problem.file}:${problem.line}: ${problem.reason}`,
    );
  return canary;
}

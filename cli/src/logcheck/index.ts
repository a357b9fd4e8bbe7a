/**
 * What the collector says of the transparency log, held against what this user knows: the log's key, its witnesses, and the newest
 * checkpoint that was seen. What can be recomputed is not believed.
 */
import { readFileSync } from "node:fs";
import { parseLogEntry } from "@hosttrail/lib/logentry";
import {
  type Checkpoint,
  leafHash,
  openCheckpoint,
  openWitnessed,
  parseCheckpoint,
  parseNote,
  parsePolicy,
  parseVerifierKey,
  verifyConsistency,
  verifyInclusion,
} from "@hosttrail/lib/tlog";
import { HostVerdict, type LoggedCheckpoint, TrailFinding, Verdict } from "@hosttrail/proto/verify";
import type { Profile } from "../profile.ts";
import { keepSeen, readSeen } from "./seen.ts";

/** What is known of the log. */
type Knowledge = Pick<Profile, "logKey" | "policyFile" | "seenFile">;

export class LogCheck {
  readonly #knowledge: Knowledge;
  readonly #problems: string[] = [];
  readonly #notes: string[] = [];
  #checkpoint: Checkpoint | undefined;
  #isTaken = false;

  constructor(knowledge: Knowledge) {
    this.#knowledge = knowledge;
  }

  /** How many entries the log of this user had; 0 where there are several, or none was seen: then the next one is believed. */
  get seenSize(): bigint {
    const [only, ...more] = Object.values(readSeen(this.#knowledge.seenFile));
    return only === undefined || more.length > 0 ? 0n : BigInt(only.size);
  }

  /** The checkpoint that all proofs are of. */
  take({ note, consistencyProof }: LoggedCheckpoint): void {
    this.#isTaken = true;
    try {
      const checkpoint = this.#open(Buffer.from(note));
      this.#compare(checkpoint, consistencyProof);
      this.#checkpoint = checkpoint;
    } catch (error) {
      this.#problems.push(error instanceof Error ? error.message : String(error));
    }
  }

  #open(note: Uint8Array): Checkpoint {
    const { logKey, policyFile } = this.#knowledge;
    if (policyFile !== "") return openWitnessed(parsePolicy(readFileSync(policyFile)), note).checkpoint;
    if (logKey !== "") return openCheckpoint(note, [parseVerifierKey(logKey, ["ed25519"])]).checkpoint;
    this.#notes.push("the log's signature was not checked: the profile has neither log_key nor policy_file");
    return parseCheckpoint(parseNote(note).text);
  }

  /** A log only grows: what is older, or is not the continuation of what was seen, is another one, or an old backup of it. */
  #compare(checkpoint: Checkpoint, proof: readonly Uint8Array[]): void {
    const { origin, size, root } = checkpoint;
    const { seenFile } = this.#knowledge;
    const seen = readSeen(seenFile)[origin];
    if (seen !== undefined) {
      if (size < seen.size)
        throw new Error(
          `altered: it has ${size} entries and had ${seen.size} when you saw it last (${seenFile}): its database was set back, or this is another one`,
        );
      const before = { size: seen.size, root: Buffer.from(seen.root, "base64") };
      try {
        verifyConsistency(before, checkpoint, proof);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new Error(
          `altered: its ${size} entries do not begin with the ${seen.size} that you saw last (${seenFile}): ${reason}`,
          { cause },
        );
      }
    }
    keepSeen(seenFile, origin, { size, root: Buffer.from(root).toString("base64") });
  }

  /** The result; where what is said of the log is not proven, nothing is verified. */
  checked(result: HostVerdict): HostVerdict {
    const checkpoint = this.#checkpoint;
    if (checkpoint === undefined && result.logged.length === 0) return result;
    const wrong = result.logged.filter(({ entry, index, inclusionProof }) => {
      try {
        if (checkpoint === undefined) return true;
        verifyInclusion(checkpoint, Number(index), leafHash(entry), inclusionProof);
        return !isAbout(entry, result.hostId);
      } catch {
        return true;
      }
    });
    if (wrong.length === 0) return result;
    const detail = `${wrong.length} entries of the log that the collector names are not in the log, or of another host`;
    const finding = TrailFinding.fromPartial({ verdict: Verdict.NOT_CHECKED, reason: "LOG_UNAVAILABLE", detail });
    const verdict = result.verdict === Verdict.ALTERED ? Verdict.ALTERED : Verdict.NOT_CHECKED;
    return HostVerdict.fromPartial({ ...result, verdict, findings: [...result.findings, finding] });
  }

  finish(): { problems: readonly string[]; notes: readonly string[] } {
    const { logKey, policyFile, seenFile } = this.#knowledge;
    const isExpected = logKey !== "" || policyFile !== "" || Object.keys(readSeen(seenFile)).length > 0;
    if (!this.#isTaken && isExpected) this.#problems.push("the collector has none, and there should be one");
    if (!this.#isTaken && !isExpected)
      this.#notes.push(
        "there is no transparency log: that nothing is missing at the end of a chain is the database's word alone",
      );
    return { problems: this.#problems, notes: this.#notes };
  }
}

function isAbout(entry: Uint8Array, hostId: string): boolean {
  const parsed = parseLogEntry(entry);
  return (parsed.kind === "head" || parsed.kind === "dropped") && parsed.hostId === hostId;
}

/**
 * What agents tell of the set-up of their hosts, kept as the host's newest profile. Of a host that tells more often than it may, the last one
 * is written.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import type { HostProfile } from "@hosttrail/proto/ingest";
import { metrics } from "../metrics/index.ts";
import type { KeptProfile } from "../model/index.ts";

/** What it needs of the database. Each throws where that is away. */
export interface ProfileArchive {
  /** Empty where the host has told none. */
  profileVersion(hostId: string): Promise<string>;
  putProfile(profile: KeptProfile): Promise<void>;
}

/** The bounds of ingest.proto. */
const RULES_MAX = 1024;
const RULE_BYTES_MAX = 8192;
const ALL_BYTES_MAX = 65_536;
const PROBLEM_LENGTH_MAX = 256;
const SPEC_LENGTH_MAX = 128;
const VERSION = /^[0-9a-f]{64}$/;
/** Time between two writes of one stream, at least. */
const WRITE_INTERVAL_MS = 10_000;

/** What is wrong with a profile; undefined where it is one. */
export function profileProblem({ version, auditRules, auditProblem, spec }: HostProfile): string | undefined {
  if (!VERSION.test(version)) return "version is not 64 lower case hex digits";
  if (auditRules.length > RULES_MAX) return `${auditRules.length} audit rules; ${RULES_MAX} are allowed`;
  const sizes = auditRules.map((rule) => Buffer.byteLength(rule));
  if (sizes.some((size) => size > RULE_BYTES_MAX)) return `an audit rule has more than ${RULE_BYTES_MAX} bytes`;
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes > ALL_BYTES_MAX) return `audit rules have ${bytes} bytes; ${ALL_BYTES_MAX} are allowed`;
  if (auditRules.some((rule) => rule.includes("\n"))) return "an audit rule has more than one line";
  if (auditProblem.length > PROBLEM_LENGTH_MAX) return `audit_problem is longer than ${PROBLEM_LENGTH_MAX} characters`;
  if (spec.length > SPEC_LENGTH_MAX) return `spec is longer than ${SPEC_LENGTH_MAX} characters`;
  return undefined;
}

/** Profiles of one stream. */
export class ProfileKeeper {
  readonly #archive: ProfileArchive;
  readonly #hostId: string;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  /** The newest that is not written. */
  #waiting: HostProfile | undefined;
  #isWriting = false;

  constructor(archive: ProfileArchive, hostId: string, logger: Logger) {
    this.#archive = archive;
    this.#hostId = hostId;
    this.#logger = logger;
  }

  /** One that is not within its bounds is counted and left out: events go on. */
  take(profile: HostProfile): void {
    const problem = profileProblem(profile);
    if (problem !== undefined) {
      metrics.ingestProfiles.inc({ result: "refused" });
      this.#logger.warn({ problem }, "a host's profile is not taken");
      return;
    }
    this.#waiting = profile;
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    const { signal } = this.#closing;
    this.#isWriting = true;
    while (this.#waiting !== undefined && !signal.aborted) {
      const profile = this.#waiting;
      try {
        await this.#archive.putProfile(keptOf(this.#hostId, profile));
        metrics.ingestProfiles.inc({ result: "kept" });
        if (this.#waiting === profile) this.#waiting = undefined;
      } catch (error) {
        metrics.ingestProfiles.inc({ result: "failed" });
        this.#logger.warn({ error: String(error) }, "a host's profile cannot be kept: it is tried again");
      }
      await sleep(WRITE_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
    this.#isWriting = false;
  }

  close(): void {
    this.#closing.abort();
  }
}

function keptOf(hostId: string, profile: HostProfile): KeptProfile {
  const { version, auditRules, auditRulesLeftOut, auditProblem, spec } = profile;
  return {
    hostId,
    version,
    auditRules,
    auditRulesSha256: createHash("sha256").update(auditRules.join("\n")).digest("hex"),
    auditRulesLeftOut,
    auditProblem,
    spec,
    receivedMs: Date.now(),
  };
}

/**
 * Rulesets as operators put them, and what they decide of single rules and of the rulesets that come with the product. What is decided for
 * different reasons is in different documents, so that no change can undo another (see rows.ts).
 */
import { randomBytes } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Level } from "@hosttrail/lib/sigma";
import { Binary, type Db } from "mongodb";
import type { ManagedRulesetSetting, RulesetDocument, RulesetFile, RuleSetting, RuleSettings } from "../model/index.ts";
import { classify } from "./failure.ts";
import { fromPairs, number, pairs, type Row, Rows, storable, text } from "./rows.ts";

/** The one document that changes with every change. */
const REVISION = "rules";
/** Of the files of one ruleset as JSON; more than any that was taken. */
const FILES_BYTES_MAX = 64 * 1024 * 1024;

export class RulesetStore {
  readonly #rulesets: Rows;
  readonly #managed: Rows;
  readonly #enabled: Rows;
  readonly #severities: Rows;
  readonly #revisions: Rows;

  constructor(database: Db) {
    this.#rulesets = new Rows(database, "rulesets");
    this.#managed = new Rows(database, "managed_rulesets");
    this.#enabled = new Rows(database, "rules_enabled");
    this.#severities = new Rows(database, "rule_severities");
    this.#revisions = new Rows(database, "rule_revisions");
  }

  /** Another text after each change; costs little. Empty where nothing was ever changed. Throws a RetryableError where the database is away. */
  async revision(): Promise<string> {
    return await classified(async () => text(await this.#revisions.get(REVISION), "revision"));
  }

  /** Rulesets that operators put, in the order of their names. */
  async readRulesets(): Promise<RulesetDocument[]> {
    return await classified(async () => {
      const rows = await this.#rulesets.all.find({}).sort({ _id: 1 }).toArray();
      return rows.map(toRuleset);
    });
  }

  async readSettings(): Promise<RuleSettings> {
    return await classified(async () => {
      const [managed, enabled, severities] = await Promise.all(
        [this.#managed, this.#enabled, this.#severities].map((rows) => rows.all.find({}).toArray()),
      );
      const rules = new Map<string, RuleSetting>();
      for (const row of enabled ?? []) rules.set(row._id, { enabled: row["enabled"] === true });
      for (const row of severities ?? []) {
        rules.set(row._id, { ...rules.get(row._id), severity: text(row, "severity") as Level });
      }
      return { rules, managed: new Map((managed ?? []).map((row) => [row._id, toManaged(row)])) };
    });
  }

  /** Makes a ruleset or replaces it. */
  async putRuleset(ruleset: RulesetDocument): Promise<void> {
    await this.#change(() => this.#rulesets.put(fromRuleset(ruleset)));
  }

  /** False where there is none. */
  async deleteRuleset(name: string): Promise<boolean> {
    return await this.#change(() => this.#rulesets.delete(name));
  }

  /** Decides of a ruleset that comes with the product. */
  async putManaged(setting: ManagedRulesetSetting): Promise<void> {
    await this.#change(() => this.#managed.put(fromManaged(setting)));
  }

  async putEnabled(ruleKey: string, enabled: boolean): Promise<void> {
    await this.#change(() => this.#enabled.put({ _id: ruleKey, enabled }));
  }

  /** Undefined: as the author wrote it. */
  async putSeverity(ruleKey: string, severity: Level | undefined): Promise<void> {
    await this.#change(async () => {
      if (severity === undefined) await this.#severities.delete(ruleKey);
      else await this.#severities.put({ _id: ruleKey, severity });
    });
  }

  /** Changes something, and then the revision: whoever sees the new one finds the change. */
  async #change<Answer>(change: () => Promise<Answer>): Promise<Answer> {
    return await classified(async () => {
      const answer = await change();
      await this.#revisions.put({ _id: REVISION, revision: randomBytes(8).toString("hex") });
      return answer;
    });
  }
}

async function classified<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    throw classify(error);
  }
}

function fromManaged({ name, enabled, labels, tags, updateMs, updater }: ManagedRulesetSetting): Row {
  return {
    _id: name,
    enabled,
    labels: pairs(labels).map(storable),
    tags: pairs(tags).map(storable),
    update_ms: updateMs,
    updater: storable(updater),
  };
}

function toManaged(row: Row): ManagedRulesetSetting {
  return {
    name: row._id,
    enabled: row["enabled"] === true,
    labels: fromPairs(row["labels"]),
    tags: fromPairs(row["tags"]),
    updateMs: number(row, "update_ms"),
    updater: text(row, "updater"),
  };
}

/** Files are compressed: rules are text, and a document has 16 MB at most. */
function fromRuleset({ description, files, ...setting }: RulesetDocument): Row {
  const bytes = zstdCompressSync(JSON.stringify(files.map(({ path, text: content }) => [path, content])));
  return { ...fromManaged(setting), description: storable(description), files: new Binary(bytes) };
}

function toRuleset(row: Row): RulesetDocument {
  return { ...toManaged(row), description: text(row, "description"), files: filesOf(row["files"]) };
}

function filesOf(value: unknown): RulesetFile[] {
  if (!(value instanceof Binary)) return [];
  const json = zstdDecompressSync(value.buffer, { maxOutputLength: FILES_BYTES_MAX }).toString("utf8");
  return (JSON.parse(json) as [string, string][]).map(([path, content]) => ({ path, text: content }));
}

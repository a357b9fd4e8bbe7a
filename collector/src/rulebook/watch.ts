/** The rules and suppressions as they are now: read again when they change, while they are in use. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import type { RulesetDocument, RuleSettings, SuppressionDocument } from "../model/index.ts";
import { Suppressions } from "../suppress/index.ts";
import { RuleBook } from "./book.ts";

/** What is read of the database. Each throws where it is away. */
export interface RuleStore {
  /** Another text after each change. */
  revision(): Promise<string>;
  readRulesets(): Promise<RulesetDocument[]>;
  readSettings(): Promise<RuleSettings>;
  activeSuppressions(nowMs: number): Promise<SuppressionDocument[]>;
}

const POLL_MS = 2000;

export class RuleWatch {
  readonly #store: RuleStore;
  readonly #managed: readonly RulesetDocument[];
  readonly #logger: Logger;
  #book: RuleBook | undefined;
  #suppressions: Suppressions = new Suppressions([]);
  #suppressionsKey = "[]";
  #revision: string | undefined;
  #reading: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(store: RuleStore, managed: readonly RulesetDocument[], logger: Logger) {
    this.#store = store;
    this.#managed = managed;
    this.#logger = logger;
  }

  /** After `begin`. */
  book(): RuleBook {
    if (this.#book === undefined) throw new Error("the rules are not read yet");
    return this.#book;
  }

  suppressions(): Suppressions {
    return this.#suppressions;
  }

  /** Reads what changed; a second call meanwhile waits for the same. Throws where the database is away. */
  async refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #read(): Promise<void> {
    const documents = await this.#store.activeSuppressions(Date.now());
    const key = JSON.stringify(documents);
    if (key !== this.#suppressionsKey) {
      this.#suppressions = new Suppressions(documents);
      this.#suppressionsKey = key;
      for (const { id, message } of this.#suppressions.broken)
        this.#logger.error(
          { suppression: id, error: message },
          "a suppression hides nothing: its filter is not understood",
        );
    }
    const revision = await this.#store.revision();
    if (revision === this.#revision) return;
    const [own, settings] = await Promise.all([this.#store.readRulesets(), this.#store.readSettings()]);
    const book = new RuleBook({ managed: this.#managed, own, settings });
    this.#book = book;
    this.#revision = revision;
    const { rules, rejected } = book;
    this.#logger.info({ revision: book.revision, rules: rules.length, rejected: rejected.length }, "rules are read");
    for (const { file, line, message } of rejected)
      this.#logger.warn({ file, line, error: message }, "a rule is rejected");
  }

  /** Somebody changed something. */
  nudge(): void {
    this.#wake();
  }

  /** Waits until the rules are read once: nothing is held against rules that the operator has switched off. */
  async begin(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#revision === undefined) {
      try {
        await this.refresh();
      } catch (error) {
        this.#logger.warn({ error: String(error) }, "rules cannot be read yet");
        await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Looks for changes until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, sleep(POLL_MS, undefined, { signal }).catch(() => undefined)]);
      if (signal.aborted) return;
      await this.refresh().catch((error: unknown) => {
        this.#logger.warn({ error: String(error) }, "rules cannot be read again");
      });
    }
  }
}

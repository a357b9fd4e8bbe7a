/**
 * Records whose text came before. Most do: the same files, working directories, titles and addresses, event after event; what
 * was made of them once is used again.
 */
import { actorStart, joinActor, readCall, RECORD, type RecordWords, splitWords } from "@hosttrail/lib/audit";
import { type RawRecord, textOf } from "../model/index.ts";
import { appendEnriched } from "./enriched.ts";

/** Texts remembered; then all are forgotten and it begins anew. */
const KNOWN_MAX = 1024;
/** Longer ones rarely come again. */
const LENGTH_MAX = 1024;
/** The others have something new each time, and SYSCALL has it in its first half. */
const TYPES: ReadonlySet<number> = new Set([
  RECORD.PATH,
  RECORD.CWD,
  RECORD.EXECVE,
  RECORD.PROCTITLE,
  RECORD.SOCKADDR,
  RECORD.BPRM_FCAPS,
]);

/** A record's words, with auditd's own behind them where the log has such. */
export function wordsOf(raw: RawRecord): RecordWords {
  const { type, enriched } = raw;
  const record = splitWords(type, textOf(raw));
  return enriched === "" ? record : appendEnriched(record, enriched);
}

export class RecordCache {
  readonly #known = new Map<number, Map<string, RecordWords>>();
  #size = 0;

  words(record: RawRecord): RecordWords {
    const { type, text, enriched } = record;
    if (enriched !== "" || text.length > LENGTH_MAX) return wordsOf(record);
    if (type === RECORD.SYSCALL) return this.#call(record);
    return TYPES.has(type) ? this.#remembered(type, text) : wordsOf(record);
  }

  /** A call's numbers are new each time, who made it is not. */
  #call(record: RawRecord): RecordWords {
    let { text, actor, call } = record;
    if (actor === "") {
      const start = actorStart(text);
      if (start < 0) return wordsOf(record);
      actor = text.slice(start);
      text = text.slice(0, start);
    }
    call ??= readCall(text);
    if (call === undefined || actor.length > LENGTH_MAX) return wordsOf(record);
    return joinActor(call, this.#remembered(RECORD.SYSCALL, actor)) ?? wordsOf(record);
  }

  #remembered(type: number, text: string): RecordWords {
    let texts = this.#known.get(type);
    if (texts === undefined) {
      texts = new Map();
      this.#known.set(type, texts);
    }
    let words = texts.get(text);
    if (words === undefined) {
      words = splitWords(type, text);
      words.memo = {};
      if (this.#size >= KNOWN_MAX) this.clear();
      this.#size++;
      texts.set(text, words);
    }
    return words;
  }

  clear(): void {
    for (const texts of this.#known.values()) texts.clear();
    this.#size = 0;
  }
}

/** Asks the store role for blocks that were sent again, all of a host's together and not more often than needed. */
import { type BlockClaim, StoredQuestion } from "@hosttrail/proto/ingest";

const INTERVAL_MS = 500;
/** Claims of one question; an agent that wants to know of more sends them again. */
const CLAIMS_MAX = 256;

export class Questions {
  readonly #ask: (question: Uint8Array) => void;
  readonly #claims = new Map<string, BlockClaim>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ask: (question: Uint8Array) => void) {
    this.#ask = ask;
  }

  add(claim: BlockClaim): void {
    if (this.#claims.size >= CLAIMS_MAX) return;
    this.#claims.set(`${claim.epoch} ${claim.firstSeq} ${Buffer.from(claim.headerSha256).toString("hex")}`, claim);
    this.#timer ??= setTimeout(() => this.#flush(), INTERVAL_MS);
  }

  #flush(): void {
    this.#timer = undefined;
    const blocks = [...this.#claims.values()];
    this.#claims.clear();
    this.#ask(StoredQuestion.encode({ blocks }).finish());
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

/** What the API of dead blocks needs of others. Each throws a RetryableError where stream or database is away. */
import type { Header } from "@hosttrail/lib/block";
import type { BlockMessage, DeadDecision, DeadLetter } from "../model/index.ts";

interface DeadLetters {
  /** Behind a place, the oldest first; of one host and for one reason, or ("") of all. */
  letters(about: { hostId: string; reason: string }, after: number, limit: number): Promise<DeadLetter[]>;
  letter(sequence: number): Promise<DeadLetter | undefined>;
  /** False where it was not there. */
  remove(sequence: number): Promise<boolean>;
  state(): Promise<{ createdMs: number; buried: number; kept: number }>;
}

/** The stream of blocks. */
interface BlockOutlet {
  publish(block: BlockMessage): Promise<{ duplicate: boolean }>;
  /** Hears what the store role tells of a host: a StoredNotice. */
  onStored(hostId: string, take: (notice: Uint8Array) => void): { close: () => void };
}

interface DeadRecord {
  addDecision(decision: DeadDecision): Promise<void>;
  countDecisions(streamMs: number): Promise<number>;
}

export interface DeadBlockParts {
  letters: DeadLetters;
  blocks: BlockOutlet;
  record: DeadRecord;
  /** True where the database has this very block; its header tells where it may lie. */
  isStored(block: BlockMessage, header: Header): Promise<boolean>;
}

/** What speaking to other query processes needs of NATS. Messages may get lost, come late, and come from anybody. */
export interface PeerLink {
  /** Bytes of a message that the server takes. */
  readonly messageBytesMax: number;
  /** Asks all processes; whoever wants to answers. */
  call(message: Uint8Array): void;
  onOffer(take: (message: Uint8Array) => void): { close(): void };
  /** `answer` gives what to answer with; undefined for nothing. It never throws. */
  onCall(answer: (message: Uint8Array) => Promise<Uint8Array | undefined>): { close(): void };
  /** Asks one process. Undefined where it is gone; throws a RetryableError where it does not answer in time. */
  ask(processId: string, message: Uint8Array, timeMs: number): Promise<Uint8Array | undefined>;
  onAsk(processId: string, answer: (message: Uint8Array) => Promise<Uint8Array | undefined>): { close(): void };
}

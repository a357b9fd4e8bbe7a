/**
 * Whether this host's end is announced, by whom, and what is done as long as it is: what there is goes out at once, and the ledger is told
 * every few seconds, so that whatever comes too late is as little as can be and is seen.
 *
 * States: going on -> announced -> going on again, where all who announced it have taken it back, or their word is too old. An agent that is
 * stopped leaves each of them.
 */

/** Who says so: AWS's spot market, an Auto Scaling group, or somebody by `hosttrail-agent end`. */
export type NoticeSource = "spot" | "autoscaling" | "command";

export interface EndNotice {
  by: NoticeSource;
  /** What becomes of the host: "terminate", "stop", "hibernate"; "end" where that is not known. */
  action: string;
  /** When, milliseconds since 1970; undefined where that is not said. */
  timeMs: number | undefined;
}

export interface EndingOptions {
  /** Somebody says something that was not known before. */
  announce: (notice: EndNotice) => void;
  /** Nobody says so any more. */
  withdraw: () => void;
  /** Every few seconds while it is announced. */
  tick: () => void;
  /** Milliseconds; others than these only in tests. */
  tickMs?: number;
  commandMs?: number;
}

const TICK_MS = 2000;
/** After so many the usual interval of the ledger must do: a lifecycle hook may hold an instance for days. */
const TICKS_MAX = 1800;
/** A command's word holds for so long: nobody takes it back. */
const COMMAND_MS = 3_600_000;

export class Ending {
  readonly #options: EndingOptions;
  readonly #notices = new Map<NoticeSource, EndNotice>();
  #timer: NodeJS.Timeout | undefined;
  #lapse: NodeJS.Timeout | undefined;
  #ticks = 0;
  #closed = false;

  constructor(options: EndingOptions) {
    this.#options = options;
  }

  get isAnnounced(): boolean {
    return this.#notices.size > 0;
  }

  /** All that is said now. */
  get notices(): readonly EndNotice[] {
    return [...this.#notices.values()];
  }

  /** What one of them says now; undefined where it announces nothing. */
  see(by: NoticeSource, said: Omit<EndNotice, "by"> | undefined): void {
    if (this.#closed) return;
    const known = this.#notices.get(by);
    if (said === undefined) {
      if (known === undefined) return;
      this.#notices.delete(by);
      if (!this.isAnnounced) this.#goOn();
      return;
    }
    if (by === "command") this.#letLapse();
    if (known !== undefined && known.action === said.action && known.timeMs === said.timeMs) return;
    const notice = { by, ...said };
    this.#notices.set(by, notice);
    this.#ticks = 0;
    this.#timer ??= setInterval(() => this.#tick(), this.#options.tickMs ?? TICK_MS);
    this.#options.announce(notice);
  }

  #letLapse(): void {
    clearTimeout(this.#lapse);
    this.#lapse = setTimeout(() => this.see("command", undefined), this.#options.commandMs ?? COMMAND_MS);
    this.#lapse.unref();
  }

  #tick(): void {
    this.#ticks++;
    if (this.#ticks > TICKS_MAX) this.#endTicks();
    else this.#options.tick();
  }

  #endTicks(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #goOn(): void {
    this.#endTicks();
    this.#options.withdraw();
  }

  /** Nothing more is told; what was announced stays so. */
  close(): void {
    this.#closed = true;
    this.#endTicks();
    clearTimeout(this.#lapse);
  }
}

/** Labels of hosts, as detection asks for them with every block. */
import type { HostInfo } from "./match.ts";

type Labels = Readonly<Record<string, string>>;

/** What was read is good for so long; of a host that is not known, it may enrol any moment. */
const KNOWN_MS = 600_000;
const UNKNOWN_MS = 5000;
const KEPT_MAX = 100_000;

export class HostLabels {
  readonly #read: (hostId: string) => Promise<Labels | undefined>;
  readonly #kept = new Map<string, { untilMs: number; host: HostInfo }>();
  readonly #reading = new Map<string, Promise<HostInfo>>();

  /** `read` gives the labels of an enrolled host, and throws where the database is away. */
  constructor(read: (hostId: string) => Promise<Labels | undefined>) {
    this.#read = read;
  }

  async hostOf(hostId: string): Promise<HostInfo> {
    const kept = this.#kept.get(hostId);
    if (kept !== undefined && kept.untilMs > performance.now()) return kept.host;
    let reading = this.#reading.get(hostId);
    if (reading === undefined) {
      reading = this.#readHost(hostId).finally(() => this.#reading.delete(hostId));
      this.#reading.set(hostId, reading);
    }
    return await reading;
  }

  async #readHost(hostId: string): Promise<HostInfo> {
    const labels = await this.#read(hostId);
    const host = { id: hostId, labels: labels ?? {} };
    this.#kept.delete(hostId);
    this.#kept.set(hostId, { untilMs: performance.now() + (labels === undefined ? UNKNOWN_MS : KNOWN_MS), host });
    if (this.#kept.size > KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value ?? "");
    return host;
  }
}

/** What the collector says of the transparency log, held against what this user knows of it. */
import type { HostVerdict } from "@hosttrail/proto/verify";
import type { Clients } from "../clients.ts";
import type { Profile } from "../profile.ts";

export class LogCheck {
  readonly #problems: string[] = [];
  readonly #notes: string[] = [];

  static open(_profile: Profile, _clients: Clients): LogCheck {
    return new LogCheck();
  }

  /** The checkpoint that all proofs are of. */
  async take(_note: string): Promise<void> {}

  /** The result, with what the client itself finds of its heads. */
  checked(result: HostVerdict): HostVerdict {
    return result;
  }

  finish(): { problems: readonly string[]; notes: readonly string[] } {
    return { problems: this.#problems, notes: this.#notes };
  }
}

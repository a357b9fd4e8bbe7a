/** The services of the API, as the roles of one process share them that let people ask. */
import type { Access } from "../access/index.ts";
import type { Service } from "../serve/index.ts";

/** One of them. */
export interface Api {
  service: Service;
  /** Ends what callers wait for. */
  close?(): void;
}

export interface OpenApi {
  apis: readonly Api[];
  access: Access;
  /** Ends what callers wait for. Safe twice. */
  close: () => void;
  /** Gives back what it holds, when calls have ended. Safe twice. */
  release: () => Promise<void>;
}

/** Completion for shells, made from the program's definition and the fields of filters. */
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import { type Described, type Model, modelOf } from "./model.ts";
import { zshCompletion } from "./zsh.ts";

export type { Described } from "./model.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

const MAKERS: Readonly<Record<Shell, (model: Model) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** The script that a shell reads. */
export function completionScript(shell: Shell, program: Described): string {
  return MAKERS[shell](modelOf(program));
}

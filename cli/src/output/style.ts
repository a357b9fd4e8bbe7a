/** Colours, where there are to be any. */
import { styleText } from "node:util";

export type Tone = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta";

/** Gives a text a tone; the text as it is where there are no colours. */
export type Paint = (tone: Tone, text: string) => string;

export const COLOR_WHEN = ["auto", "always", "never"] as const;
export type ColorWhen = (typeof COLOR_WHEN)[number];

/** Whether to colour: by --color, else by https://no-color.org, else on a terminal that is not dumb. */
export function isColored(when: ColorWhen, isTerminal: boolean, environment: NodeJS.ProcessEnv): boolean {
  if (when !== "auto") return when === "always";
  return isTerminal && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
}

export function painter(colored: boolean): Paint {
  return (tone, text) => (colored && text !== "" ? styleText(tone, text, { validateStream: false }) : text);
}

/** Tones of cells, by the title of their column and what they say. */
const CELLS: Readonly<Record<string, Readonly<Record<string, Tone>>>> = {
  OUTCOME: { failure: "red" },
  SEVERITY: { critical: "red", high: "red", medium: "yellow" },
  STATE: { open: "yellow", revoked: "red", cloned: "red" },
  CHANGE: { created: "green", added: "green", deleted: "red", removed: "red" },
};

/** The tone of a cell; `text` is as it is printed, cut and padded. */
export function paintCell(paint: Paint, title: string, cell: string, text: string): string {
  const tone = CELLS[title]?.[cell] ?? (title === "ID" ? "dim" : undefined);
  return tone === undefined ? text : paint(tone, text);
}

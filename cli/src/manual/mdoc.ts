/** Text of manual pages, in mdoc(7). */

/** Characters beyond ASCII by their code, which every formatter reads; the backslash by its own name. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll(
      /[^\x20-\x7e]/gu,
      (character) => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`,
    );
}

/** Text that stands for itself: a backslash begins an escape there, and a dot or a quote at the start of a line a request. */
export function plain(text: string): string {
  return escaped(text).replace(/^([.'])/, "\\&$1");
}

/** Words behind a macro: what looks like a macro, or like punctuation to it, stands for itself. */
export function argument(text: string): string {
  const safe = escaped(text).replaceAll('"', "\\(dq");
  const isMacro = /^[A-Z][a-z]$/.test(safe) || /^[.,:;()[\]?!|]$/.test(safe);
  return /\s/.test(safe) || safe === "" ? `"${safe}"` : isMacro ? `\\&${safe}` : safe;
}

/** A paragraph: each sentence on a line of its own, as mdoc wants it. */
export function paragraph(text: string): string[] {
  return text
    .split(/(?<=[.:;]) (?=[A-Z`])|\n/)
    .map((line) => plain(line.trim()))
    .filter((line) => line !== "");
}

/** A list of terms with what they mean. */
export function terms(list: readonly (readonly [head: string, text: readonly string[]])[]): string[] {
  if (list.length === 0) return [];
  return [".Bl -tag -width Ds", ...list.flatMap(([head, text]) => [`.It ${head}`, ...text]), ".El"];
}

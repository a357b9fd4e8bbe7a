/** Filters that begin with a minus, which commander would take for options. */

/** A filter that begins with the minus of AIP-160: a field with a comparison, or a parenthesis. */
const NEGATED = /^-(?=[a-z_]+(?:\.[A-Za-z0-9_]+)*\s*(?:[=:<>~]|!=)|\()/;

/**
 * Writes `-field = x` as `NOT field = x`, which says the same, wherever it stands for itself. `takesValue` says of an option whether the
 * word behind it is its value, which stays as it is; so does all behind `--`.
 */
export function plainNegations(words: readonly string[], takesValue: (option: string) => boolean): string[] {
  const end = words.indexOf("--");
  return words.map((word, at) => {
    const before = words[at - 1] ?? "";
    if ((end >= 0 && at > end) || (before.startsWith("--") && takesValue(before))) return word;
    return word.replace(NEGATED, "NOT ");
  });
}

/** Labels and tags on the command line. */

type Labels = Record<string, string>;

export function labelsOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** `key=value` of a repeated option; throws where one is none. */
export function parseLabels(option: string, texts: readonly string[]): Labels {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new Error(`${option} is "${text}"; it must be KEY=VALUE`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** Which page a path is of. */

export interface Route<Page> {
  /** As "/alerts/:id": a part that begins with a colon stands for any one. */
  pattern: string;
  page: Page;
}

/** What every page is given. */
export interface PageProps {
  parameters: Readonly<Record<string, string>>;
}

export interface Matched<Page> {
  page: Page;
  parameters: Readonly<Record<string, string>>;
}

/** The first route whose pattern the path has; undefined for none. */
export function matchRoute<Page>(routes: readonly Route<Page>[], path: string): Matched<Page> | undefined {
  const parts = partsOf(path);
  for (const { pattern, page } of routes) {
    const parameters = parametersOf(partsOf(pattern), parts);
    if (parameters !== undefined) return { page, parameters };
  }
  return undefined;
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

function parametersOf(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [at, wanted] of pattern.entries()) {
    const part = decoded(parts[at] ?? "");
    if (part === undefined) return undefined;
    if (wanted.startsWith(":")) parameters[wanted.slice(1)] = part;
    else if (wanted !== part) return undefined;
  }
  return parameters;
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

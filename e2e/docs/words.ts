/** The words of what is typed into a shell, as far as documents need it: quotes, comments, and what ends a command. */

/** Commands of a line, each as its words; redirections are left out. */
export function wordsOf(line: string): string[][] {
  const commands: string[][] = [[]];
  const pattern = /\\\n|\s+|#.*|'([^']*)'|"((?:[^"\\]|\\.)*)"|(\|\||&&|[;|&()])|(\d?>>?|<)|([^\s'"|&;()<>]+)/gy;
  let word: string | undefined;
  let isTarget = false;
  const end = (): void => {
    if (word !== undefined && !isTarget) commands.at(-1)?.push(word);
    if (word !== undefined) isTarget = false;
    word = undefined;
  };
  while (pattern.lastIndex < line.length) {
    const start = pattern.lastIndex;
    const match = pattern.exec(line);
    if (match === null) throw new Error(`nothing is known of ${JSON.stringify(line.slice(start, start + 20))}`);
    const [all, single, double, separator, redirection, plain] = match;
    if (single !== undefined || double !== undefined || plain !== undefined)
      word = `${word ?? ""}${single ?? double ?? plain}`;
    else if (all.startsWith("#") && word !== undefined) word += all;
    else {
      end();
      if (separator !== undefined) commands.push([]);
      if (redirection !== undefined) isTarget = true;
    }
  }
  end();
  return commands.filter((words) => words.length > 0);
}

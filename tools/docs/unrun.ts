/** The page of the commands that no test runs, made of the marks before their blocks. No I/O. */
import { commandsOf, fencesOf, markOfCommand, SHELLS } from "../../e2e/docs/fences.ts";
import type { Source } from "./site.ts";

/** As code within a table, whatever is in it. */
function code(text: string): string {
  return `\`\` ${text.replaceAll("|", "\\|")} \`\``;
}

export function unrunPage(sources: readonly Source[]): Source {
  const rows = sources.flatMap(({ path, text }) =>
    fencesOf(path, text)
      .filter(({ language }) => SHELLS.includes(language))
      .flatMap((fence) =>
        commandsOf(fence).flatMap((command) => {
          const mark = markOfCommand(fence, command, ["run by", "not run"]);
          const [first = ""] = command.split(/ *(?:\\\n| {2,}#|\n)/);
          const way = path.startsWith("docs/") ? path.slice("docs/".length) : `../${path}`;
          return mark?.kind === "not run" ? [`| [${path}](${way}) | ${code(first)} | ${mark.text} |`] : [];
        }),
      ),
  );
  const lines = [
    "# Commands that no test runs",
    "",
    "Every command in these pages is run by a test as it stands there, but for the following; of these it is checked that our programs have such commands and options.",
    "This page is made of the comments before their blocks.",
    "",
    "| page | command | why |",
    "|---|---|---|",
    ...rows,
    "",
  ];
  return { path: "docs/unrun.md", text: lines.join("\n") };
}

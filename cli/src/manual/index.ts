/** The manual page hosttrail(1), made from the program's definition. */
import type { Option } from "commander";
import type { Described } from "../completion/index.ts";
import { argument, paragraph, plain, terms } from "./mdoc.ts";
import { AFTER, BEFORE, type Section } from "./sections.ts";

/** A command with its examples and notes. */
export interface Documented extends Described {
  readonly examples: readonly (readonly [command: string, purpose: string])[];
  readonly notes: readonly string[];
  helpGroup(): string;
}

/** The page, in mdoc(7). */
export function manualPage(program: Documented): string {
  const lines = [
    ".Dd $Mdocdate$",
    ".Dt HOSTTRAIL 1",
    ".Os Hosttrail",
    ".Sh NAME",
    ".Nm hosttrail",
    `.Nd ${plain(program.description())}`,
    ".Sh SYNOPSIS",
    ".Nm",
    ".Op Fl -profile Ar FILE",
    ".Ar command",
    ...sectionLines(BEFORE),
    ".Sh OPTIONS OF ALL COMMANDS",
    ...terms(program.options.map(optionTerm)),
    ...groupsOf(program).flatMap(([group, commands]) => [
      `.Sh ${argument(group.replace(/:$/, "").toUpperCase())}`,
      ...terms(commands.flatMap((command) => commandTerms(command, ""))),
    ]),
    ...AFTER.flatMap(sectionLines),
    ".Sh SEE ALSO",
    ".Xr hosttrail-collector 8 ,",
    ".Xr ausearch 8 ,",
    ".Xr aureport 8",
  ];
  return `${lines.join("\n")}\n`;
}

function isDocumented(command: Described): command is Documented {
  return "examples" in command && "notes" in command;
}

/** Commands by the heading that help has for them; those that help does not show are not told here either. */
function groupsOf(program: Documented): [string, Documented[]][] {
  const shown = program.commands.filter(isDocumented).filter((command) => command.helpGroup() !== "");
  return [...Map.groupBy(shown, (command) => command.helpGroup())];
}

function commandTerms(command: Described, above: string): (readonly [string, string[]])[] {
  const words = `${above} ${command.name()}`.trim();
  if (command.commands.length > 0) return command.commands.flatMap((inner) => commandTerms(inner, words));
  const places = command.registeredArguments.map((place) => {
    const name = `Ar ${argument(place.name())}${place.variadic ? " ..." : ""}`;
    return place.required ? name : `Op ${name}`;
  });
  const { notes = [], examples = [] } = isDocumented(command) ? command : {};
  const text = [
    ...paragraph(`${capital(command.description())}.`),
    ...notes.flatMap((note) => [".Pp", ...paragraph(note)]),
    ...terms(command.options.map(optionTerm)),
    ...examples.flatMap(([line, purpose]) => [
      ".Pp",
      plain(`${capital(purpose)}:`),
      `.Dl ${argument(`hosttrail ${line}`)}`,
    ]),
  ];
  return [[`Ic ${words}${places.length > 0 ? " " : ""}${places.join(" ")}`, text]];
}

function optionTerm(option: Option): readonly [string, string[]] {
  const name = /<([^>]+)>/.exec(option.flags)?.[1];
  const head = `Fl -${(option.long ?? "").slice(2)}${name === undefined ? "" : ` Ar ${argument(name)}`}`;
  const facts = option.argChoices === undefined ? [] : [`one of ${option.argChoices.join(", ")}`];
  const { defaultValue } = option;
  if (typeof defaultValue === "number" || (typeof defaultValue === "string" && defaultValue !== ""))
    facts.push(`default ${defaultValue}`);
  return [head, paragraph([capital(option.description), ...facts].join("; ") + ".")];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function sectionLines({ title, parts }: Section): string[] {
  const lines = parts.flatMap((part, at) => {
    if (typeof part === "string") return [...(at > 0 ? [".Pp"] : []), ...paragraph(part)];
    return terms(part.map(([term, text]) => [`Sy ${argument(term)}`, paragraph(`${capital(text)}.`)] as const));
  });
  return [`.Sh ${argument(title)}`, ...lines];
}

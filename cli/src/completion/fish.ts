/** Completion for fish. */
import type { Model, Values } from "./model.ts";
import { type Arm, optionArms, placeArms, valuedOptions } from "./shared.ts";

function act(values: Values): string {
  if (values.kind === "files") return "__fish_complete_path (commandline -ct)";
  if (values.kind === "filter") return "__hosttrail_filter";
  const words = values.words.map(quoted).join(" ");
  return values.kind === "list" ? `__hosttrail_list ${words}` : `printf '%s\\n' ${words}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
}

function switchOf(subject: string, arms: readonly Arm[]): string[] {
  return [
    `    switch ${subject}`,
    ...arms.flatMap(({ patterns, values }) => [
      `        case ${patterns.map(quoted).join(" ")}`,
      `            ${act(values)}`,
      "            return",
    ]),
    "    end",
  ];
}

export function fishCompletion(model: Model): string {
  const { commands, fields, fieldValues } = model;
  const paths = commands.map(({ path }) => path).filter((path) => path !== "");
  const lines = [
    "# fish completion of hosttrail; made from its own definition by: hosttrail completion fish",
    "# Several words, joined by commas: the last one is completed.",
    "function __hosttrail_list",
    "    set -l before (string replace -r '[^,+]*$' '' -- (commandline -ct))",
    "    printf '%s\\n' $before$argv",
    "end",
    "# Inside a filter, which is one word in quotes: fields, and behind a comparison the values of fields that have few.",
    "function __hosttrail_filter",
    "    set -l typed (string replace -r '^[\\'\"]' '' -- (commandline -ct))",
    "    set -l found (string match -r '([a-z_]+(?:\\.[A-Za-z0-9_]+)+) *(?:=|!=|:) *([^ ()]*)$' -- $typed)",
    "    if test (count $found) -eq 3",
    '        set -l before (string sub -e (math (string length -- $typed) - (string length -- "$found[3]")) -- $typed)',
    "        switch $found[2]",
    ...fieldValues.flatMap(([field, words]) => [
      `            case ${field}`,
      `                printf '%s\\n' "$before"{${words.join(",")}}`,
    ]),
    "        end",
    "        return",
    "    end",
    "    set -l before (string replace -r '[^ (]*$' '' -- $typed)",
    `    for field in ${fields.join(" ")} AND OR NOT`,
    "        printf '%s\\n' \"$before$field\"",
    "    end",
    "end",
    "function __hosttrail_complete",
    "    set -l words (commandline -opc)",
    "    set -l before $words[-1]",
    "    set -l path ''",
    "    set -l place 0",
    "    set -l skip 0",
    "    for word in $words[2..]",
    "        if test $skip -eq 1",
    "            set skip 0",
    "            continue",
    "        end",
    "        switch $word",
    `            case ${valuedOptions(model).join(" ")}`,
    "                set skip 1",
    "            case '-*'",
    "            case '*'",
    '                switch (string trim "$path $word")',
    `                    case ${paths.map(quoted).join(" ")}`,
    '                        set path (string trim "$path $word")',
    "                    case '*'",
    "                        set place (math $place + 1)",
    "                end",
    "        end",
    "    end",
    ...switchOf('"$path $before"', optionArms(model)),
    "    if test $skip -eq 1",
    "        return",
    "    end",
    "    if not string match -q -- '-*' (commandline -ct)",
    ...switchOf('"$path#$place"', placeArms(model)).map((line) => `    ${line}`),
    "    end",
    "    switch $path",
    ...commands.flatMap(({ path, inner, options }) => [
      `        case ${quoted(path)}`,
      ...[...inner, ...options].map(
        ({ name, about }) => `            printf '%s\\t%s\\n' ${quoted(name)} ${quoted(about)}`,
      ),
    ]),
    "    end",
    "end",
    "complete -c hosttrail -f -a '(__hosttrail_complete)'",
  ];
  return `${lines.join("\n")}\n`;
}

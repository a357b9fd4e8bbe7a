/** Completion for bash. */
import type { Model, Values } from "./model.ts";
import { type Arm, optionArms, placeArms, valuedOptions } from "./shared.ts";

function act(values: Values): string {
  if (values.kind === "files") return `mapfile -t COMPREPLY < <(compgen -f -- "$cur")`;
  if (values.kind === "filter") return `_hosttrail_filter "$raw"`;
  const words = `'${values.words.join(" ")}'`;
  return values.kind === "list" ? `_hosttrail_list ${words}` : `_hosttrail_words ${words}`;
}

function caseOf(subject: string, arms: readonly Arm[]): string[] {
  return [
    `  case ${subject} in`,
    ...arms.map(({ patterns, values }) => {
      const texts = patterns.map((pattern) => (pattern.endsWith("#*") ? `"${pattern.slice(0, -1)}"*` : `"${pattern}"`));
      return `    ${texts.join(" | ")}) ${act(values)} && return ;;`;
    }),
    "  esac",
  ];
}

export function bashCompletion(model: Model): string {
  const { commands, fields, fieldValues } = model;
  const paths = commands.map(({ path }) => path).filter((path) => path !== "");
  const lines = [
    "# bash completion of hosttrail; made from its own definition by: hosttrail completion bash",
    `_hosttrail_fields='${fields.join(" ")}'`,
    '_hosttrail_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }',
    "# Several words, joined by commas: the last one is completed.",
    "_hosttrail_list() {",
    "  local last=${cur##*,}",
    '  local before=${cur%"$last"}',
    '  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${last#+}")',
    "  compopt -o nospace 2>/dev/null || true",
    "}",
    "_hosttrail_values() {",
    "  case $1 in",
    ...fieldValues.map(([field, words]) => `    ${field}) echo '${words.join(" ")}' ;;`),
    "  esac",
    "}",
    "# Inside a filter, which is one word in quotes: fields, and behind a comparison the values of fields that have few.",
    "_hosttrail_filter() {",
    "  local typed=${1#[\\'\\\"]} token head words",
    "  local behind='([a-z_]+(\\.[A-Za-z0-9_]+)+)[[:space:]]*(=|!=|:)[[:space:]]*([^[:space:]()]*)$'",
    "  if [[ $typed =~ $behind ]]; then",
    "    token=${BASH_REMATCH[4]}",
    '    words=$(_hosttrail_values "${BASH_REMATCH[1]}")',
    "  else",
    "    token=${typed##*[ (]}",
    '    words="$_hosttrail_fields AND OR NOT"',
    "  fi",
    '  head=${typed%"$token"}',
    "  if ((joined)); then head=; fi",
    '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "${token#-}")',
    "  # Behind a field comes a comparison; two of them, so that the shell does not close the quote.",
    "  if [ ${#COMPREPLY[@]} -eq 1 ] && [[ ${COMPREPLY[0]} == *.* ]]; then",
    '    COMPREPLY=("${COMPREPLY[0]} =" "${COMPREPLY[0]} :")',
    "  fi",
    "  if [[ $token == -* ]]; then head=$head-; fi",
    '  COMPREPLY=("${COMPREPLY[@]/#/$head}")',
    "  compopt -o nospace 2>/dev/null || true",
    "}",
    "_hosttrail() {",
    "  local raw=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} path= place=0 at word",
    "  local cur=$raw",
    "  # The shell takes = and : outside of quotes as words of their own.",
    "  local -i joined=0",
    '  if [ "$raw" = = ] || [ "$raw" = : ]; then',
    "    cur= joined=1 raw=$before$raw",
    '  elif ((COMP_CWORD > 2)) && { [ "$before" = = ] || [ "$before" = : ]; }; then',
    "    joined=1 raw=${COMP_WORDS[COMP_CWORD - 2]}$before$raw before=${COMP_WORDS[COMP_CWORD - 2]}",
    "  fi",
    "  for ((at = 1; at < COMP_CWORD; at++)); do",
    "    word=${COMP_WORDS[at]}",
    "    case $word in",
    `      ${valuedOptions(model).join(" | ")}) if [ "\${COMP_WORDS[at + 1]}" = = ]; then ((at++)); fi; ((at++)) ;;`,
    "      -*) ;;",
    "      = | :) ((at++, place -= place > 0)) ;;",
    "      *)",
    '        case "${path:+$path }$word" in',
    `          ${paths.map((path) => `"${path}"`).join(" | ")}) path=\${path:+$path }$word ;;`,
    "          *) ((place++)) ;;",
    "        esac",
    "        ;;",
    "    esac",
    "  done",
    '  if ((joined)) && [ -z "$cur" ] && ((place > 0)); then ((place--)); fi',
    "  COMPREPLY=()",
    ...caseOf('"$path $before"', optionArms(model)),
    "  if [[ $before == --* ]]; then",
    "    case $before in",
    `      ${valuedOptions(model).join(" | ")}) return ;;`,
    "    esac",
    "  fi",
    "  if [[ $cur != -* ]]; then",
    ...caseOf('"$path#$place"', placeArms(model)).map((line) => `  ${line}`),
    "  fi",
    "  case $path in",
    ...commands.map(({ path, inner, options }) => {
      const [commandNames, optionNames] = [inner, options].map((list) => list.map(({ name }) => name).join(" "));
      const plain = inner.length === 0 ? optionNames : commandNames;
      return `    "${path}") if [[ $cur == -* ]]; then _hosttrail_words '${optionNames}'; else _hosttrail_words '${plain}'; fi ;;`;
    }),
    "  esac",
    "}",
    "complete -F _hosttrail hosttrail",
  ];
  return `${lines.join("\n")}\n`;
}

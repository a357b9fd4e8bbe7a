/** Completion for zsh. */
import type { Model, Values } from "./model.ts";
import { type Arm, optionArms, placeArms, valuedOptions } from "./shared.ts";

function act(values: Values): string {
  if (values.kind === "files") return "_files";
  if (values.kind === "filter") return "_hosttrail_filter";
  const words = values.words.map(quoted).join(" ");
  return values.kind === "list" ? `{ compset -P '*[,+]'; compadd -S '' -- ${words} }` : `compadd -- ${words}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function caseOf(subject: string, arms: readonly Arm[]): string[] {
  return [
    `  case ${subject} in`,
    ...arms.map(({ patterns, values }) => {
      const texts = patterns.map((pattern) => (pattern.endsWith("#*") ? `"${pattern.slice(0, -1)}"*` : `"${pattern}"`));
      return `    ${texts.join("|")}) ${act(values)}; return ;;`;
    }),
    "  esac",
  ];
}

/** A name with what it is for. */
function described(name: string, about: string): string {
  return quoted(`${name.replaceAll(":", String.raw`\:`)}:${about}`);
}

export function zshCompletion(model: Model): string {
  const { commands, fields, fieldValues } = model;
  const paths = commands.map(({ path }) => path).filter((path) => path !== "");
  const lines = [
    "#compdef hosttrail",
    "# zsh completion of hosttrail; made from its own definition by: hosttrail completion zsh",
    "# Inside a filter, which is one word in quotes: fields, and behind a comparison the values of fields that have few.",
    "_hosttrail_filter() {",
    "  local typed=$PREFIX",
    "  typed=${typed//\\\\/}",
    "  if [[ $typed =~ '([a-z_]+([.][A-Za-z0-9_]+)+) *(=|!=|:) *([^ ()]*)$' ]]; then",
    "    local field=$match[1]",
    "    compset -P '*[=: ]'",
    "    case $field in",
    ...fieldValues.map(([field, words]) => `      ${field}) compadd -S '' -- ${words.join(" ")} ;;`),
    "    esac",
    "    return",
    "  fi",
    "  compset -P '*[ (]'",
    "  compset -P '-'",
    `  compadd -S '' -- ${fields.join(" ")}`,
    "  compadd -- AND OR NOT",
    "}",
    "_hosttrail() {",
    "  local command_path='' before=${words[CURRENT-1]} word",
    "  local -i place=0 at",
    "  for ((at = 2; at < CURRENT; at++)); do",
    "    word=${words[at]}",
    "    case $word in",
    `      ${valuedOptions(model).join("|")}) ((at++)) ;;`,
    "      -*) ;;",
    "      *)",
    '        case "${command_path:+$command_path }$word" in',
    `          ${paths.map((path) => `"${path}"`).join("|")}) command_path=\${command_path:+$command_path }$word ;;`,
    "          *) ((place++)) ;;",
    "        esac ;;",
    "    esac",
    "  done",
    "  if compset -P 1 '--[a-z-]#='; then before=${IPREFIX%=}; fi",
    ...caseOf('"$command_path $before"', optionArms(model)),
    "  case $before in",
    `    ${valuedOptions(model).join("|")}) return ;;`,
    "  esac",
    "  if [[ $PREFIX != -* ]]; then",
    ...caseOf('"$command_path#$place"', placeArms(model)).map((line) => `  ${line}`),
    "  fi",
    "  local -a offered",
    "  case $command_path in",
    ...commands.map(({ path, inner, options }) => {
      const names = [...inner, ...options].map(({ name, about }) => described(name, about));
      return `    "${path}") offered=(${names.join(" ")}) ;;`;
    }),
    "  esac",
    "  _describe hosttrail offered",
    "}",
    "# Loaded by itself it completes at once; read by `source` it is registered.",
    'if [[ $funcstack[1] == _hosttrail ]]; then _hosttrail "$@"; else compdef _hosttrail hosttrail; fi',
  ];
  return `${lines.join("\n")}\n`;
}

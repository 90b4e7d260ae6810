/** The completion of bash, which zsh runs too (bashcompinit). Node is not started for it. */
import type { CompletedCommand, ValueKind } from './completion-tree.ts';

/** Names of peers are read where `andvari trust` writes them; one that needs quotes is left out. */
const HELPERS = `_andvari_peers() {
  local folder="$HOME/.local/share" id name IFS=$' \\t\\n'
  case "\${XDG_DATA_HOME-}" in /*) folder="$XDG_DATA_HOME" ;; esac
  [ -r "$folder/andvari/known_peers" ] || return 0
  while read -r id name; do
    case "$id" in ''|'#'*) continue ;; esac
    case "$name" in ''|*[!A-Za-z0-9._-]*) continue ;; esac
    case "$name" in "$cur"*) COMPREPLY+=("$name") ;; esac
  done <"$folder/andvari/known_peers"
  compopt -o nospace 2>/dev/null
  return 0
}

# What stands for a value: file, folder, peer, any, or the words to choose from.
_andvari_value() {
  local IFS=$'\\n'
  case "$1" in
    file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null ;;
    folder) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames 2>/dev/null ;;
    peer) _andvari_peers ;;
    any) ;;
    *) IFS=' '; COMPREPLY=($(compgen -W "$1" -- "$cur")) ;;
  esac
  return 0
}
`;

const MAIN = `_andvari() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" at='' value='' word commands options
  local -i i count=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    # --name=value comes in three words.
    if [ "$word" = '=' ]; then continue; fi
    if [ -n "$value" ]; then value=''; continue; fi
    value="$(_andvari_option "$at" "$word")"
    if [ -n "$value" ]; then continue; fi
    case "$word" in -?*) continue ;; esac
    _andvari_command "$at"
    case " $commands " in
      *" $word "*) at="\${at:+$at }$word" ;;
      *) count+=1 ;;
    esac
  done
  if [ "$cur" = '=' ]; then cur=''; fi
  if [ -n "$value" ]; then _andvari_value "$value"; return 0; fi
  _andvari_command "$at"
  case "$cur" in
    -*) _andvari_value "$options" ;;
    *) if [ -n "$commands" ]; then _andvari_value "$commands"; else _andvari_kind; fi ;;
  esac
  return 0
}
`;

export function bashCompletion(tree: readonly CompletedCommand[]): string {
  return `${HELPERS}
# The value that an option takes; nothing: it takes none, or is none.
_andvari_option() {
  case "$1 $2" in
${tree.flatMap(optionLines).join('\n')}
  esac
}

# commands and options of a command.
_andvari_command() {
  commands='' options=''
  case "$1" in
${tree.map(commandLine).join('\n')}
  esac
}

# The argument of this number.
_andvari_kind() {
  case "$at $count" in
${tree.flatMap(argumentLines).join('\n')}
  esac
}

${MAIN}
complete -F _andvari andvari andvari.mjs
`;
}

export function zshCompletion(tree: readonly CompletedCommand[]): string {
  const start = [
    '(( $+functions[compdef] )) || { autoload -U compinit && compinit -u; }',
    'autoload -U bashcompinit && bashcompinit',
  ];
  return `${start.join('\n')}\n${bashCompletion(tree)}`;
}

function wordOf(kind: ValueKind): string {
  return typeof kind === 'string' ? kind : kind.join(' ');
}

function optionLines({ path, options }: CompletedCommand): string[] {
  return options.flatMap(({ names, value }) => {
    if (value === undefined) return [];
    const patterns = names.map((name) => `'${path} ${name}'`).join('|');
    return [`    ${patterns}) echo '${wordOf(value)}' ;;`];
  });
}

function commandLine({ path, commands, options }: CompletedCommand): string {
  const words = commands.map(({ name }) => name).join(' ');
  const names = options.flatMap((option) => option.names).join(' ');
  return `    '${path}') commands='${words}' options='${names}' ;;`;
}

function argumentLines({ path, arguments: kinds, repeats }: CompletedCommand): string[] {
  return kinds.map((kind, index) => {
    const isEndless = repeats && index === kinds.length - 1;
    const pattern = isEndless ? `'${path} '*` : `'${path} ${index}'`;
    return `    ${pattern}) _andvari_value '${wordOf(kind)}' ;;`;
  });
}

/** The completion of fish. Node is not started for it. */
import type { CompletedCommand, ValueKind } from './completion-tree.ts';

const HELPERS = `function __andvari_peers
    set -l folder $HOME/.local/share
    string match -q '/*' -- "$XDG_DATA_HOME"; and set folder $XDG_DATA_HOME
    test -r $folder/andvari/known_peers; or return 0
    string replace -rf '^[^#\\s]\\S*\\s+([A-Za-z0-9._-]+)\\s*$' '$1' <$folder/andvari/known_peers
end

# Whether the command so far is this one, with so many arguments; without a number: any.
function __andvari_at
    set -l at
    set -l count 0
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- "$at $word" $__andvari_values
            set skip yes
        else if string match -q -- '-?*' $word
        else if contains -- (string trim -- "$at $word") $__andvari_commands
            set at (string trim -- "$at $word")
        else
            set count (math $count + 1)
        end
    end
    test "$at" = "$argv[1]"; or return 1
    test -z "$argv[2]"; or test $count $argv[3] $argv[2]
end
`;

export function fishCompletion(tree: readonly CompletedCommand[]): string {
  const paths = tree.slice(1).map(({ path }) => quoted(path));
  const values = tree.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      value === undefined ? [] : names.map((name) => quoted(`${path} ${name}`)),
    ),
  );
  return [
    `set -g __andvari_commands ${paths.join(' ')}`,
    `set -g __andvari_values ${values.join(' ')}`,
    HELPERS,
    'complete -c andvari -f',
    ...tree.flatMap((command) => linesOf(command)),
    '',
  ].join('\n');
}

function linesOf({ path, commands, options, ...rest }: CompletedCommand): string[] {
  const at = (more = '') => `complete -c andvari -n ${quoted(`__andvari_at '${path}'${more}`)}`;
  return [
    ...commands.map((one) => `${at()} -a ${one.name} -d ${quoted(one.description)}`),
    ...options.map(({ names, description, value }) => {
      const flags = names.map((name) =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      );
      const takes = value === undefined ? '' : ` -r${candidatesOf(value)}`;
      return `${at()} ${flags.join(' ')}${takes} -d ${quoted(description)}`;
    }),
    ...rest.arguments.map((kind, index) => {
      const isEndless = rest.repeats && index === rest.arguments.length - 1;
      return `${at(` ${index} ${isEndless ? '-ge' : '-eq'}`)}${candidatesOf(kind)}`;
    }),
  ];
}

function candidatesOf(kind: ValueKind): string {
  if (typeof kind !== 'string') return ` -f -a ${quoted(kind.join(' '))}`;
  if (kind === 'file') return ' -F';
  if (kind === 'folder') return " -f -a '(__fish_complete_directories)'";
  return kind === 'peer' ? " -f -a '(__andvari_peers)'" : ' -f';
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

/** `manifold completion`: scripts for shells, generated from the table of flags, so that they match the parser. */
import type { Shell } from './arguments.ts';
import { type CommandLine, commandLines, type Flag, shells } from './flags.ts';

const lines: readonly CommandLine[] = Object.values(commandLines);

/** The script, to be sourced by the shell. */
export function completionScript(shell: Shell): string {
  const script = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell];
  return `${script().join('\n')}\n`;
}

/** The first word of each command, once; `token inspect` has two. */
function commandWords(): readonly string[] {
  return [...new Set(lines.map(({ name }) => name.split(' ')[0]!))];
}

function secondWords(command: string): readonly string[] {
  if (command === 'completion') return shells;
  return lines.flatMap(({ name }) => (name.startsWith(`${command} `) ? [name.slice(command.length + 1)] : []));
}

function flagsOf(command: string): readonly Flag[] {
  return lines.find(({ name }) => name.split(' ')[0] === command)?.flags ?? [];
}

function saysOf(command: string): string {
  return lines.find(({ name }) => name.split(' ')[0] === command)?.says ?? '';
}

function flagWords(flag: Flag): readonly string[] {
  return [`--${flag.name}`, ...(flag.short === undefined ? [] : [`-${flag.short}`])];
}

function isFile(flag: Flag): boolean {
  return flag.value === 'FILE';
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function bashScript(): readonly string[] {
  const valued = [...new Map(lines.flatMap(({ flags }) => flags.map((flag) => [flag.name, flag] as const))).values()];
  const choices = valued.flatMap((flag) => {
    if (flag.choices === undefined) return [];
    const words = quoted(flag.choices.join(' '));
    return [`    ${flagWords(flag).join('|')}) COMPREPLY=($(compgen -W ${words} -- "$current")); return ;;`];
  });
  // Nothing is suggested for their values, so the shell suggests files.
  const free = valued.filter((flag) => flag.value !== undefined && flag.choices === undefined).flatMap(flagWords);
  return [
    '# bash completion of manifold: source <(manifold completion bash)',
    '_manifold() {',
    '  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=',
    '  COMPREPLY=()',
    '  if (( COMP_CWORD == 1 )); then',
    `    COMPREPLY=($(compgen -W ${quoted([...commandWords(), 'help', '--help', '--version'].join(' '))} -- "$current"))`,
    '    return',
    '  fi',
    '  case $previous in',
    `    ${free.join('|')}) return ;;`,
    ...choices,
    '  esac',
    '  case ${COMP_WORDS[1]} in',
    ...commandWords().map((command) => {
      const flags = quoted([...flagsOf(command).flatMap(flagWords), '--help'].join(' '));
      const second = secondWords(command);
      const seconds =
        second.length === 0
          ? ''
          : `(( COMP_CWORD == 2 )) && [[ $current != -* ]] && words=${quoted(second.join(' '))}; `;
      return `    ${command}) [[ $current == -* ]] && words=${flags}; ${seconds};;`.replace('; ;;', ' ;;');
    }),
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _manifold manifold',
  ];
}

function zshScript(): readonly string[] {
  const commands = commandWords().map((command) => quoted(`${command}:${saysOf(command)}`));
  const cases = commandWords().flatMap((command) => {
    const second = secondWords(command);
    const words = [
      ...flagsOf(command).flatMap(zshFlags),
      "'--help[the help of the command]'",
      second.length === 0 ? "'*:file:_files'" : `'1:word:(${second.join(' ')})'`,
    ];
    return [
      `    ${command})`,
      '      _arguments -s \\',
      words.map((word) => `        ${word}`).join(' \\\n'),
      '      ;;',
    ];
  });
  return [
    '#compdef manifold',
    '# zsh completion of manifold: source <(manifold completion zsh)',
    '_manifold() {',
    '  local -a commands',
    `  commands=(${commands.join(' ')})`,
    '  if (( CURRENT == 2 )); then',
    '    _describe command commands',
    '    return',
    '  fi',
    '  local command=${words[2]}',
    '  shift words',
    '  (( CURRENT -= 1 ))',
    '  case $command in',
    ...cases,
    '  esac',
    '}',
    'if [[ $funcstack[1] == _manifold ]]; then _manifold "$@"; else compdef _manifold manifold; fi',
  ];
}

function zshFlags(flag: Flag): readonly string[] {
  const says = flag.says.replaceAll(/[[\]:\\]/g, String.raw`\$&`);
  const action = isFile(flag) ? '_files' : `(${(flag.choices ?? []).join(' ')})`;
  const value = flag.value === undefined ? '' : `:${flag.value.replaceAll(/[:'[\]]/g, ' ').trim()}:${action}`;
  const many = flag.list === 'repeated' ? '*' : '';
  return flagWords(flag).map((word) => quoted(`${many}${word}[${says}]${value}`));
}

function fishScript(): readonly string[] {
  return [
    '# fish completion of manifold: manifold completion fish > ~/.config/fish/completions/manifold.fish',
    'complete -c manifold -f',
    ...commandWords().map(
      (command) => `complete -c manifold -n __fish_use_subcommand -a ${command} -d ${quoted(saysOf(command))}`,
    ),
    ...commandWords().flatMap((command) => {
      const on = `complete -c manifold -n '__fish_seen_subcommand_from ${command}'`;
      const second = secondWords(command);
      return [
        ...flagsOf(command).map((flag) => `${on} ${fishFlag(flag)}`),
        `${on} -l help -d 'the help of the command'`,
        second.length === 0 ? `${on} -F` : `${on} -a ${quoted(second.join(' '))}`,
      ];
    }),
  ];
}

function fishFlag(flag: Flag): string {
  const names = `-l ${flag.name}${flag.short === undefined ? '' : ` -s ${flag.short}`}`;
  const choices = flag.choices === undefined ? '' : ` -a ${quoted(flag.choices.join(' '))}`;
  const value = flag.value === undefined ? '' : isFile(flag) ? ' -r -F' : ` -x${choices}`;
  return `${names}${value} -d ${quoted(flag.says)}`;
}

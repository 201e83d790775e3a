/** Texts of `--help`. */

import { type Command, commonOptions, type OptionSpecs } from './command.ts';

const lineWidth = 96;

function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent + line.length + 1 + word.length > lineWidth) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((content, index) => (index === 0 ? content : ' '.repeat(indent) + content));
}

function optionLines(specs: OptionSpecs): string[] {
  const heads = Object.entries(specs).map(([name, spec]) =>
    spec.type === 'string' ? `  --${name} ${spec.placeholder ?? 'VALUE'}` : `  --${name}`,
  );
  const column = Math.max(...heads.map((head) => head.length)) + 2;
  return Object.values(specs).flatMap(({ help }, index) => {
    const [first, ...rest] = wrap(help, column);
    return [heads[index].padEnd(column) + first, ...rest];
  });
}

/** Help of the program: what it is, its commands, one example of each. */
export function programHelp(commands: readonly Command[]): string {
  const column = Math.max(...commands.map(({ name }) => name.length)) + 4;
  return [
    'memory-tiers: keeps data in the memory tier it deserves, and moves it by its heat.',
    '',
    'Usage: memory-tiers COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(column)}${summary}`),
    '',
    'Examples:',
    ...commands.map(({ example }) => `  memory-tiers ${example}`),
    '',
    '"memory-tiers COMMAND --help" explains a command; "--version" prints the version.',
    'Exit codes: 0 it worked, 1 it failed, 2 it was called wrongly.',
    '',
  ].join('\n');
}

/** Help of one command. */
export function commandHelp(command: Command): string {
  const names = command.positionals.join(' ') + (command.repeatsLast ? '...' : '');
  const usage = ['memory-tiers', command.name, names, '[OPTIONS]'].filter(Boolean).join(' ');
  return [
    `Usage: ${usage}`,
    '',
    ...command.description.split('\n').flatMap((paragraph) => wrap(paragraph, 0)),
    '',
    'Options:',
    ...optionLines({ ...command.options, ...commonOptions }),
    '',
    'Example:',
    `  memory-tiers ${command.example}`,
    '',
  ].join('\n');
}

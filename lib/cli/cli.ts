/** Finds the command, runs it, and turns whatever it throws into a message and an exit code. */

import { readFileSync } from 'node:fs';
import { nearestWord } from '../tiers/option-checks.ts';
import { type Command, type ExitCode, parseArguments, UsageError } from './command.ts';
import { type CommandIo, paintFor } from './command-io.ts';
import { commandHelp, programHelp } from './help.ts';

function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function isUsage(error: unknown): boolean {
  if (error instanceof UsageError) return true;
  // Options that a command passes on to the library are refused there, by name.
  const { code } = error as NodeJS.ErrnoException;
  return code?.startsWith('ERR_INVALID_ARG_') === true;
}

function report(error: unknown, where: string, json: boolean, io: CommandIo): ExitCode {
  const { code, hint, message, stack } = error as Error & { code?: string; hint?: string };
  const exit = isUsage(error) ? 2 : 1;
  if (json) {
    io.stderr.write(
      `${JSON.stringify({ error: { code: code ?? 'ERR_INTERNAL', message, hint } })}\n`,
    );
    return exit;
  }
  const paint = paintFor(io.stderr, io.env);
  // Without a code it is a bug of ours, and the stack is what a report of it needs.
  const text = code === undefined ? (stack ?? String(error)) : `${code}: ${message}`;
  io.stderr.write(`${paint.red(`memory-tiers ${where}`.trimEnd())}: ${text}\n`);
  if (hint !== undefined) io.stderr.write(`  hint: ${hint}\n`);
  if (exit === 2) io.stderr.write(`  see: memory-tiers ${`${where} --help`.trimStart()}\n`);
  return exit;
}

/** Runs one call of the program. Never throws; errors go to standard error. */
export async function runCli(
  argv: readonly string[],
  commands: readonly Command[],
  io: CommandIo,
): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    io.stderr.write(programHelp(commands));
    return 2;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    const command = commands.find((candidate) => candidate.name === rest[0]);
    io.stdout.write(command === undefined ? programHelp(commands) : commandHelp(command));
    return 0;
  }
  if (name === '--version' || name === '-v') {
    io.stdout.write(`${version()}\n`);
    return 0;
  }
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const guess = nearestWord(
      name,
      commands.map((candidate) => candidate.name),
    );
    const hint = guess === undefined ? undefined : `Did you mean "${guess}"?`;
    return report(new UsageError(`There is no command "${name}".`, hint), '', false, io);
  }
  const asksForJson = rest.includes('--json');
  try {
    const { options, positionals, json, help } = parseArguments(command, rest);
    if (help) {
      io.stdout.write(commandHelp(command));
      return 0;
    }
    return await command.run({ options: options as never, positionals, json, io });
  } catch (error) {
    return report(error, command.name, asksForJson, io);
  }
}

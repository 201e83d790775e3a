/** What a command of the command line is, and how its arguments become values. */

import { parseArgs } from 'node:util';
import { nearestWord } from '../tiers/option-checks.ts';
import type { CommandIo } from './command-io.ts';

/** One `--option`. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  /** May be given several times; the value is a list. Only for strings. */
  readonly multiple?: true;
  /** What the help calls the value, e.g. `BYTES`. */
  readonly placeholder?: string;
  /** One or a few sentences for the help. */
  readonly help: string;
}

/** The options of a command by name, without the leading dashes. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type OptionValue<S extends OptionSpec> = S extends { readonly multiple: true }
  ? readonly string[]
  : S['type'] extends 'boolean'
    ? boolean
    : string | undefined;

/** What a command is given to work with. */
export interface CommandInput<O extends OptionSpecs = OptionSpecs> {
  readonly options: { readonly [K in keyof O]: OptionValue<O[K]> };
  readonly positionals: readonly string[];
  /** `--json` was given: exactly one JSON document goes to standard output. */
  readonly json: boolean;
  readonly io: CommandIo;
}

/** Exit code of a command: 0 it worked, 1 it failed or found something wrong, 2 it was called wrongly. */
export type ExitCode = 0 | 1 | 2;

/** A command, e.g. `replay`. `--json` and `--help` are added to every one. */
export interface Command<O extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What it does and prints, for its own help. */
  readonly description: string;
  /** Names of the positional arguments; all are required. */
  readonly positionals: readonly string[];
  /** The last of them may be given several times. */
  readonly repeatsLast?: true;
  readonly options: O;
  /** One call that works, without the program's name. */
  readonly example: string;
  run(input: CommandInput<O>): Promise<ExitCode>;
}

/** A command was called wrongly; ends in exit code 2. */
export class UsageError extends Error {
  override readonly name: 'UsageError' = 'UsageError';
  readonly code: 'ERR_USAGE' = 'ERR_USAGE';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Options every command has. */
export const commonOptions: OptionSpecs = {
  json: { type: 'boolean', help: 'Print one JSON document instead of text.' },
  help: { type: 'boolean', help: 'Print this help.' },
};

/** Lets commands with different options stand in one list while each sees its own options typed. */
export function defineCommand<const O extends OptionSpecs>(command: Command<O>): Command {
  return command as unknown as Command;
}

/** Arguments of a command after parsing. */
export interface ParsedArguments {
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly positionals: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
}

function explain(error: Error, specs: OptionSpecs): UsageError {
  const { code, message } = error as NodeJS.ErrnoException;
  // Node appends advice about positionals after the first sentence.
  const [first] = message.split(/\. (?=[A-Z])/, 1);
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return new UsageError(`${first}.`);
  const option = /'--?([^']+)'/.exec(message)?.[1] ?? '';
  const guess = nearestWord(option, Object.keys(specs));
  return new UsageError(
    `There is no option "--${option}".`,
    guess === undefined ? undefined : `Did you mean "--${guess}"?`,
  );
}

/** Parses the arguments after the command's name. Throws {@link UsageError}. */
export function parseArguments(command: Command, argv: readonly string[]): ParsedArguments {
  const specs: OptionSpecs = { ...command.options, ...commonOptions };
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: Object.fromEntries(
        Object.entries(specs).map(([name, { type, multiple }]) => [
          name,
          multiple === undefined ? { type } : { type, multiple },
        ]),
      ),
    });
  } catch (error) {
    throw explain(error as Error, specs);
  }
  const options: Record<string, string | boolean | readonly string[] | undefined> = {};
  for (const [name, spec] of Object.entries(command.options)) {
    const value = parsed.values[name] as string | boolean | string[] | undefined;
    options[name] = value ?? (spec.multiple ? [] : spec.type === 'boolean' ? false : undefined);
  }
  const help = parsed.values.help === true;
  const { positionals } = parsed;
  const { length } = command.positionals;
  const enough = command.repeatsLast ? positionals.length >= length : positionals.length === length;
  if (!help && !enough) {
    const missing = command.positionals[positionals.length];
    throw missing === undefined
      ? new UsageError(`Unexpected argument "${positionals[command.positionals.length]}".`)
      : new UsageError(`${missing} is missing.`);
  }
  return { options, positionals, json: parsed.values.json === true, help };
}

/** An option that is a whole number. `undefined` stays so. Throws {@link UsageError}. */
export function countOption(
  name: string,
  text: string | undefined,
  { minimum }: { readonly minimum: number },
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < minimum) {
    throw new UsageError(`--${name} must be a whole number of at least ${minimum}, not "${text}".`);
  }
  return value;
}

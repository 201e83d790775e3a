import { describe, expect, test } from 'vitest';
import { runCli } from '../../../lib/cli/cli.ts';
import {
  type Command,
  type CommandInput,
  countOption,
  defineCommand,
  UsageError,
} from '../../../lib/cli/command.ts';
import { writeJson } from '../../../lib/cli/command-io.ts';
import { invalidValue, TierError } from '../../../lib/errors.ts';
import { captureIo } from '../../support/capture-io.ts';

let seen: CommandInput | undefined;

const greet: Command = defineCommand({
  name: 'greet',
  summary: 'Says hello.',
  description: 'Says hello to NAME.\nNothing else.',
  positionals: ['NAME'],
  options: {
    times: { type: 'string', placeholder: 'N', help: 'How often.' },
    loud: { type: 'boolean', help: 'Louder.' },
    to: { type: 'string', multiple: true, help: 'More names.' },
  },
  example: 'greet world --times 3',
  async run(input) {
    seen = input;
    if (input.json) writeJson(input.io.stdout, { hello: input.positionals[0] });
    else input.io.stdout.write(`hello ${input.positionals[0]}\n`);
    return 0;
  },
});

function failing(error: unknown): Command {
  return defineCommand({
    name: 'fail',
    summary: 'Fails.',
    description: 'Fails.',
    positionals: [],
    options: {},
    example: 'fail',
    run: () => Promise.reject(error),
  });
}

async function run(argv: string[], commands: readonly Command[] = [greet]) {
  const io = captureIo();
  const code = await runCli(argv, commands, io);
  return { code, out: io.out(), err: io.err() };
}

describe('a command', () => {
  test('gets its positionals and options', async () => {
    const result = await run(['greet', '--times', '3', 'world', '--to', 'a', '--to=b']);
    expect(result).toEqual({ code: 0, out: 'hello world\n', err: '' });
    expect(seen?.options).toEqual({ times: '3', loud: false, to: ['a', 'b'] });
    expect(seen?.json).toBe(false);
  });

  test('prints one JSON document with --json', async () => {
    const { out } = await run(['greet', 'world', '--json']);
    expect(JSON.parse(out)).toEqual({ hello: 'world' });
  });

  test.each([
    ['greet', '--help'],
    ['greet', 'x', 'y', '--help'],
    ['help', 'greet'],
  ])('explains itself with its options and an example (%s %s)', async (...argv) => {
    const { code, out } = await run(argv);
    expect(code).toBe(0);
    expect(out).toContain('Usage: memory-tiers greet NAME [OPTIONS]');
    expect(out).toContain('Says hello to NAME.\nNothing else.');
    expect(out).toMatch(/--times N +How often\./);
    expect(out).toMatch(/--json +Print one JSON document/);
    expect(out).toContain('  memory-tiers greet world --times 3\n');
  });

  test.each([
    [['greet'], 'NAME is missing.', undefined],
    [['greet', 'a', 'b'], 'Unexpected argument "b".', undefined],
    [['greet', 'a', '--tims', '3'], 'There is no option "--tims".', 'Did you mean "--times"?'],
    [['greet', 'a', '--quite-another'], 'There is no option "--quite-another".', undefined],
    [['greet', 'a', '--times'], 'argument missing', undefined],
    [['greet', 'a', '--loud=yes'], 'does not take an argument', undefined],
  ])('called wrongly as %j ends in 2 and says why', async (argv, message, hint) => {
    const { code, out, err } = await run(argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('memory-tiers greet: ERR_USAGE: ');
    expect(err).toContain(message);
    if (hint === undefined) expect(err).not.toContain('hint:');
    else expect(err).toContain(`  hint: ${hint}\n`);
    expect(err).toContain('  see: memory-tiers greet --help\n');
  });
});

describe('a failure', () => {
  const full = new TierError('ERR_TIER_FULL', 'No room.', { hint: 'Raise it.' });

  test('of the machine ends in 1 with code and hint on standard error', async () => {
    expect(await run(['fail'], [failing(full)])).toEqual({
      code: 1,
      out: '',
      err: 'memory-tiers fail: ERR_TIER_FULL: No room.\n  hint: Raise it.\n',
    });
  });

  test('with --json is one JSON line on standard error', async () => {
    const { code, out, err } = await run(['fail', '--json'], [failing(full)]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(JSON.parse(err)).toEqual({
      error: { code: 'ERR_TIER_FULL', message: 'No room.', hint: 'Raise it.' },
    });
  });

  test('of an argument, found by the command or by the library, ends in 2', async () => {
    const usage = await run(['fail'], [failing(new UsageError('No.'))]);
    const library = await run(
      ['fail'],
      [failing(invalidValue('policy', 'one of static, lru', 'x'))],
    );
    expect([usage.code, library.code]).toEqual([2, 2]);
    expect(library.err).toContain('ERR_INVALID_ARG_VALUE: "policy" must be one of static, lru.');
  });

  test('without a code shows its stack, for it is a bug', async () => {
    const { code, err } = await run(['fail'], [failing(new Error('oops'))]);
    expect(code).toBe(1);
    expect(err).toContain('Error: oops\n    at ');
  });
});

describe('the program', () => {
  test('without a command prints its help to standard error and ends in 2', async () => {
    const { code, out, err } = await run([]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('Usage: memory-tiers COMMAND [OPTIONS]');
  });

  test.each(['--help', '-h', 'help'])('lists commands and examples with %s', async (flag) => {
    const { code, out } = await run([flag]);
    expect(code).toBe(0);
    expect(out).toMatch(/greet +Says hello\./);
    expect(out).toContain('  memory-tiers greet world --times 3');
  });

  test('prints its version', async () => {
    expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    ['gret', 'hint: Did you mean "greet"?'],
    ['something-else', 'There is no command "something-else".'],
  ])('does not know %s', async (name, text) => {
    const { code, err } = await run([name]);
    expect(code).toBe(2);
    expect(err).toContain(text);
    expect(err).toContain('see: memory-tiers --help');
  });
});

test.each(['0', '-1', '1.5', 'x', '', '1e3', '9007199254740993'])(
  'a count of "%s" is refused',
  (text) => {
    expect(() => countOption('limit', text, { minimum: 1 })).toThrow(
      /--limit must be a whole number/,
    );
  },
);

test('a count is read, and stays undefined when it is not given', () => {
  expect(countOption('limit', '17', { minimum: 1 })).toBe(17);
  expect(countOption('limit', undefined, { minimum: 1 })).toBeUndefined();
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('the README', () => {
  it('shows a program that prints what it says it prints', () => {
    const readme = readFileSync(`${root}README.md`, 'utf8');
    const [, program, output] = /```js\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/.exec(readme)!;
    // Inside the package its own name resolves to its own exports, as for a user.
    const directory = `${root}build/readme`;
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${directory}/first.mjs`, program);
    try {
      const printed = execFileSync(process.execPath, [`${directory}/first.mjs`], {
        encoding: 'utf8',
      });
      expect(printed).toBe(output);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

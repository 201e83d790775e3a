import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../lib/cli/cli.ts';
import { poolCommand } from '../../../lib/cli/pool.ts';
import { captureIo } from '../../support/capture-io.ts';
import { poolDirectory } from '../../support/pool-directory.ts';

const directory = poolDirectory();

async function run(...argv: string[]): Promise<{ exit: number; out: string; err: string }> {
  const io = captureIo();
  const exit = await runCli(['pool', ...argv], [poolCommand], io);
  return { exit, out: io.out(), err: io.err() };
}

describe('memory-tiers pool', () => {
  it('makes a pool, and says what of it is simulated', async () => {
    const path = directory.path();
    const made = await run('create', path, '--capacity', '16MiB', '--name', 'scores');
    expect([made.exit, made.err]).toEqual([0, '']);
    expect(made.out).toMatch(
      /^scores {2}simulated, hardware coherence, 1 replica, 0 members of 64$/m,
    );
    expect(made.out).toMatch(
      new RegExp(`^ +0 {2}${path} {2}memory +good +1\\d MiB +1\\d MiB`, 'm'),
    );
    expect(made.out).toMatch(/^- pool on .*ordinary memory \(tmpfs\), and not a CXL device/m);
    const again = await run('create', path, '--capacity', '16MiB');
    expect(again.exit).toBe(1);
    expect(again.err).toMatch(/ERR_TIER_BUSY: .*there is a pool already\.\n {2}hint: /);
  });

  it('shows contents and members, and takes no place among these', async () => {
    const pool = await directory.open({ name: 'scores' });
    pool.putSync('ann', 'a'.repeat(1000));
    pool.add('hits');
    const status = await run('status', directory.path());
    expect(status.exit).toBe(0);
    expect(status.out).toContain('1 value, 0 regions and 1 counter: 1008 B');
    expect(status.out).toContain('1 member of 64');
    const members = await run('members', directory.path());
    expect(members.out).toMatch(
      new RegExp(`^ +0 +${process.pid} {2}this one +[0-9a-f]{16} {2}alive`, 'm'),
    );
    const { members: listed } = JSON.parse((await run('members', directory.path(), '--json')).out);
    expect(listed).toMatchObject([{ process: process.pid, alive: true, self: false }]);
    const json = JSON.parse((await run('status', directory.path(), '--json')).out);
    expect(json).toMatchObject({
      name: 'scores',
      kind: 'simulated',
      members: 1,
      objects: { value: 1, region: 0, counter: 1, bytes: 1008 },
    });
    await pool.close();
    expect((await run('members', directory.path())).out).toBe('Nobody has the pool open.\n');
  });

  it('checks, scrubs, repairs and grows a pool', async () => {
    const pool = await directory.open();
    pool.putSync('k', 'v');
    const check = await run('check', directory.path());
    expect(check).toMatchObject({ exit: 0, out: 'sound  1 object, nothing is damaged\n' });
    expect((await run('repair', directory.path())).err).toMatch(/ERR_TIER_BUSY/);
    const added = await run(
      'add-device',
      directory.path(),
      '--device',
      directory.path('more'),
      '--capacity',
      '16MiB',
    );
    expect(added).toMatchObject({ exit: 0, err: '' });
    await pool.maintain();
    expect(pool.stats().devices).toHaveLength(2);
    await pool.close();
    expect((await run('scrub', directory.path())).out).toMatch(/ of \d+ B: 0 damaged/);
    expect((await run('repair', directory.path())).out).toMatch(/^0 words mended, 0 copies lost$/m);
    const nobody = await run('reclaim', directory.path(), '--boot', '0123456789abcdef');
    expect(nobody).toMatchObject({ exit: 0, out: '0 members were recovered.\n' });
  });

  it('destroys a pool that has no members, or when it is forced', async () => {
    const pool = await directory.open();
    pool.putSync('k', 'v');
    const refused = await run('destroy', directory.path());
    expect(refused.exit).toBe(1);
    expect(refused.err).toMatch(/ERR_TIER_BUSY: .*is alive/);
    expect(existsSync(directory.path())).toBe(true);
    expect((await run('destroy', directory.path(), '--force')).exit).toBe(0);
    expect(existsSync(directory.path())).toBe(false);
    expect(pool.get('k')).toBe('v');
    expect((await run('status', directory.path())).exit).toBe(1);
  });

  it('tells misuse from failure', async () => {
    const misuse = [
      ['creat', 'x'],
      ['create'],
      [],
      ['status', 'x', '--capacity', '1MiB'],
      ['check', 'x', '--force'],
      ['create', 'x', '--capacity', 'much'],
      ['create', 'x', '--replicas', 'two'],
      ['create', 'x', '--replicas', '9'],
      ['create', 'x', '--coherence', 'soft'],
    ];
    for (const argv of misuse) expect([argv, (await run(...argv)).exit]).toEqual([argv, 2]);
    await (await directory.open()).close();
    expect((await run('add-device', directory.path())).exit).toBe(2);
    expect((await run('reclaim', directory.path(), '--boot', 'xyz')).exit).toBe(2);
    const missing = await run('status', '/nowhere/pool');
    expect(missing.exit).toBe(1);
    expect(missing.err).toMatch(/ERR_TIER_UNAVAILABLE: \/nowhere\/pool: open.*ENOENT/);
  });
});

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireNative } from '../../../lib/native.ts';
import { describeDirectory } from '../../../lib/tiers/classify.ts';
import { findMount, probeDirectory } from '../../../lib/tiers/directory-probe.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'memory-tiers-probe-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('a directory', () => {
  test('is probed where its links lead', () => {
    mkdirSync(join(directory, 'real'));
    symlinkSync(join(directory, 'real'), join(directory, 'link'));
    const facts = probeDirectory(join(directory, 'link'), null);
    expect(facts.path).toMatch(/\/real$/);
    expect(facts.freeBytes).toBeGreaterThan(0);
    expect(facts.totalBytes).toBeGreaterThanOrEqual(facts.freeBytes);
  });

  test('that is not there is unavailable, with a hint', () => {
    expect(() => probeDirectory(join(directory, 'none'), null)).toThrow(
      expect.objectContaining({
        code: 'ERR_TIER_UNAVAILABLE',
        errno: 2,
        hint: expect.stringContaining('Create the directory'),
      }),
    );
  });

  test('that is a file is unavailable', () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(() => probeDirectory(file, null)).toThrow(
      expect.objectContaining({
        code: 'ERR_TIER_UNAVAILABLE',
        message: expect.stringContaining(file),
      }),
    );
  });

  // Root may write everywhere.
  test.skipIf(process.getuid?.() === 0)('that may not be written to has no permission', () => {
    const readOnly = join(directory, 'read-only');
    mkdirSync(readOnly);
    chmodSync(readOnly, 0o500);
    expect(() => probeDirectory(readOnly, null)).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_NO_PERMISSION' }),
    );
  });

  test.skipIf(!existsSync('/dev/shm'))('on tmpfs is memory, although / is on a drive', () => {
    const facts = probeDirectory('/dev/shm', requireNative().describeMachine(''));
    expect(facts).toMatchObject({ medium: 'memory', fsType: 'tmpfs', block: null });
    expect(describeDirectory(facts)).toBe('/dev/shm is tmpfs, which is memory, not a drive');
  });

  test.skipIf(!existsSync('/dev/shm'))(
    'is not on a drive whose mount is above it, but another device',
    () => {
      const machine = requireNative().describeMachine('');
      const root = {
        path: '/',
        device: '/dev/a',
        fsType: 'ext4',
        options: '',
        readOnly: false,
        dax: false,
        freeBytes: 0,
      };
      const block = {
        name: 'a',
        sizeBytes: 1,
        rotational: false,
        origin: 'nvme',
        node: 0,
        mounts: [root],
      } as const;
      expect(findMount({ ...machine, blocks: [block] }, '/dev/shm')).toBeNull();
      expect(findMount({ ...machine, blocks: [block] }, '/')?.block.name).toBe('a');
    },
  );

  test('on a drive is below the deepest mount of that drive', () => {
    const machine = requireNative().describeMachine('');
    const mounts = machine.blocks.flatMap((block) =>
      block.mounts.map((mount) => ({ block, mount })),
    );
    for (const { block, mount } of mounts.filter(({ mount: { readOnly } }) => !readOnly)) {
      const facts = probeDirectory(mount.path, machine);
      expect(facts.block?.name).toBe(block.name);
      expect(describeDirectory(facts)).toContain(`on ${block.name} (`);
    }
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type OpenOptions, type Region, TieredMemory } from '../../lib/index.ts';
import { chunkBytes } from '../../lib/native.ts';

const MiB = 1024 * 1024;
const chunks = 12;

let memory: TieredMemory;
let directory: string | undefined;
afterEach(async () => {
  await memory.close();
  if (directory !== undefined) rmSync(directory, { recursive: true });
  directory = undefined;
});

/** A region on the slow one of two tiers, of which the fast one has room for three chunks and a bit. */
async function openRegion(
  slow: 'simulated' | 'file',
  options: Pick<OpenOptions, 'tracking'> = { tracking: { overhead: 0.2 } },
): Promise<Region<Uint8Array>> {
  const capacityBytes = 64 * MiB;
  if (slow === 'file') directory = mkdtempSync(join(tmpdir(), 'memory-tiers-tracking-'));
  memory = await TieredMemory.open({
    ...options,
    background: false,
    tiers: [
      { name: 'L1_DDR', capacityBytes: 8 * MiB, kind: 'simulated' },
      directory === undefined
        ? { name: 'L4_NVME', capacityBytes, kind: 'simulated' }
        : { name: 'L4_NVME', capacityBytes, directory },
    ],
  });
  const region = memory.allocate(Uint8Array, chunks * chunkBytes, { tierHint: 'L4_NVME' });
  region.view.fill(1);
  return region;
}

/** Uses every page of some chunks through the view. */
function use({ view }: Region<Uint8Array>, hot: readonly number[], how: 'read' | 'written'): void {
  let sum = 0;
  for (const chunk of hot) {
    for (let at = chunk * chunkBytes; at < (chunk + 1) * chunkBytes; at += 4096) {
      if (how === 'written') view[at]++;
      else sum += view[at];
    }
  }
  if (!Number.isFinite(sum)) throw new Error('a byte is no number');
}

/** Does some work until the kernel was asked so many times more. */
async function during(looks: number, work: () => void): Promise<void> {
  const collections = (): number => memory.stats().tracking?.collections ?? 0;
  for (const end = collections() + looks; collections() < end; ) {
    work();
    await nextTurn();
  }
}

/** Uses chunks and optimizes in turn, until `done`; what was on the fast tier then, by index in the region. */
async function workUntil(
  region: Region<Uint8Array>,
  work: () => void,
  done: (fast: ReadonlySet<number>) => boolean,
  fast: Set<number> = new Set(),
): Promise<Set<number>> {
  for (let turns = 0; turns < 20 && !done(fast); turns++) {
    await during(5, work);
    const { moves } = await memory.optimizePlacement();
    const first = firstUnit(region);
    for (const { unit, to, outcome } of moves) {
      if (outcome !== 'moved') continue;
      if (to === 0) fast.add(unit - first);
      else fast.delete(unit - first);
    }
  }
  return fast;
}

/** Units of a memory that holds this region alone begin with its first chunk, the heap's first. */
function firstUnit(region: Region<Uint8Array>): number {
  expect(memory.size).toBe(1);
  expect(region.disposed).toBe(false);
  return 2 ** 32;
}

const within = (fast: ReadonlySet<number>, hot: readonly number[]): boolean =>
  fast.size >= 3 && [...fast].every((chunk) => hot.includes(chunk));

describe('a region of which nothing is reported', () => {
  it.each(['read', 'written'] as const)(
    'has the chunks promoted that are %s, and demoted when others are',
    async (how) => {
      const sources = ['damon', 'referenced', 'write-protect'] as const;
      const region = await openRegion('simulated', { tracking: { overhead: 0.2, sources } });
      expect(memory.limits.filter(({ what }) => what.includes('views'))).toEqual([]);
      const before = [1, 2, 3];
      const fast = await workUntil(
        region,
        () => use(region, before, how),
        (found) => within(found, before),
      );
      expect([...fast].toSorted()).toEqual(before);
      const later = [7, 8, 9];
      await workUntil(
        region,
        () => use(region, later, how),
        (found) => within(found, later),
        fast,
      );
      expect([...fast].toSorted()).toEqual(later);
      expect(region.shares()).toEqual([
        { tier: 'L1_DDR', chunks: 3 },
        { tier: 'L4_NVME', chunks: chunks - 3 },
      ]);
      const { tracking } = memory.stats();
      expect(tracking).toMatchObject({ errors: 0, watchedChunks: chunks, regionChunks: chunks });
      expect(tracking?.costShare).toBeGreaterThan(0);
      const writes = memory.stats().tiers.reduce((sum, tier) => sum + tier.writes, 0);
      if (tracking?.sources.includes('write-protect')) expect(writes > 0).toBe(how === 'written');
    },
    30_000,
  );

  it('is told apart on a tier of files, too', async () => {
    const region = await openRegion('file');
    const hot = [4, 5];
    await during(6, () => use(region, hot, 'read'));
    const { moves } = await memory.optimizePlacement({ dryRun: true });
    const first = firstUnit(region);
    const promoted = moves.filter(({ to }) => to === 0).map(({ unit }) => unit - first);
    expect(promoted.toSorted()).toEqual(hot);
  }, 30_000);

  it('stays where it is without tracking', async () => {
    const region = await openRegion('simulated', { tracking: false });
    for (let i = 0; i < 20; i++) {
      use(region, [1, 2], 'read');
      await nextTurn();
    }
    expect((await memory.optimizePlacement()).moves).toEqual([]);
    expect(memory.stats().tracking).toBeUndefined();
  });

  it('can be freed, and the memory closed, while the kernel is asked', async () => {
    const region = await openRegion('simulated');
    await during(2, () => use(region, [1], 'read'));
    for (let i = 0; i < 30; i++) {
      const short = memory.allocate(Uint8Array, 3 * chunkBytes, { tierHint: 'L4_NVME' });
      short.view.fill(2);
      await new Promise((resolve) => setTimeout(resolve, 10));
      short.dispose();
    }
    await during(2, () => undefined);
    expect(memory.stats().tracking).toMatchObject({ errors: 0, watchedChunks: chunks });
  });
});

describe('the option for tracking', () => {
  it.each([
    [0, 'ERR_INVALID_ARG_TYPE'],
    [{ overhead: 0 }, 'ERR_INVALID_ARG_VALUE'],
    [{ overhead: '1%' }, 'ERR_INVALID_ARG_TYPE'],
    [{ sources: ['damon', 'idle'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ sources: 'damon' }, 'ERR_INVALID_ARG_TYPE'],
  ])('is refused when it is %o', async (tracking, code) => {
    await openRegion('simulated');
    const options = { tracking } as unknown as OpenOptions;
    await expect(TieredMemory.open(options)).rejects.toMatchObject({ code });
  });

  it('names each source that is left out, and says when none sees reads', async () => {
    await openRegion('simulated', { tracking: { sources: ['write-protect'] } });
    const { tracking } = memory.stats();
    const reasons = new Map(tracking?.unused.map(({ kind, reason }) => [kind, reason]));
    expect(reasons.get('referenced')).toBe('not in tracking.sources');
    const [limit] = memory.limits.filter(({ what }) => what.startsWith('Reads through the views'));
    expect(limit.reason).toContain('referenced: not in tracking.sources');
  });
});

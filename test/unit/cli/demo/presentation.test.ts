import { describe, expect, test } from 'vitest';
import { paintFor } from '../../../../lib/cli/command-io.ts';
import { groupMoves } from '../../../../lib/cli/demo/moves.ts';
import { drawPlacement } from '../../../../lib/cli/demo/picture.ts';
import { allIn, asHeld, chapterReport, holdings } from '../../../../lib/cli/demo/report.ts';
import { demoTiers } from '../../../../lib/cli/demo/tiers.ts';
import type { MoveRecord, OptimizeReport } from '../../../../lib/migration/engine-stats.ts';
import { AccessModel } from '../../../../lib/simulation/access-model.ts';
import type { Tier, TierName } from '../../../../lib/tiers/tier.ts';
import { defaultSpecs } from '../../../../lib/tiers/tier-defaults.ts';

const plain = paintFor({ write: () => {} }, {});
const GiB = 2 ** 30;

function tier(name: TierName): Tier {
  return {
    name,
    kind: 'simulated',
    capacityBytes: GiB,
    spec: defaultSpecs[name],
    backends: [],
    evidence: [],
  };
}

describe('the picture', () => {
  test('is darker where more of a column lies; each object counts by its bytes', () => {
    const lines = drawPlacement(
      [
        {
          title: 'all',
          columns: [
            { label: 'a', objects: [0, 1] },
            { label: 'b', objects: [2, 3] },
          ],
        },
      ],
      ['L1_DDR', 'L4_NVME'],
      Uint8Array.of(0, 0, 0, 1),
      (object) => (object === 3 ? 900 : 100),
      plain,
    );
    expect(lines).toEqual([
      '         all',
      'L1_DDR   ███ ···',
      'L4_NVME      ███',
      '         a   b',
    ]);
  });
});

describe('moves', () => {
  const move = (
    unit: number,
    from: number,
    to: number,
    outcome: MoveRecord['outcome'],
  ): MoveRecord => ({
    unit,
    bytes: 10,
    from,
    to,
    reason: from > to ? 'hot' : 'victim',
    gainNs: 5,
    costNs: 1,
    outcome,
  });

  test('that were applied are grouped by way and reason, with the most telling objects', () => {
    const moves = [
      move(7, 0, 1, 'moved'),
      move(8, 1, 0, 'moved'),
      move(9, 1, 0, 'moved'),
      move(6, 1, 0, 'full'),
    ];
    const groups = groupMoves({ moves } as unknown as OptimizeReport, ['FAST', 'SLOW'], {
      keys: ['a', 'b', 'c', 'd'],
      before: Uint8Array.of(1, 1, 0, 0),
      after: Uint8Array.of(0, 0, 1, 0),
      reads: Uint32Array.of(3, 9, 1, 100),
    });
    expect(groups).toEqual([
      {
        from: 'SLOW',
        to: 'FAST',
        reason: 'hot',
        moves: 2,
        bytes: 20,
        gainNs: 10,
        examples: [
          { key: 'b', reads: 9 },
          { key: 'a', reads: 3 },
        ],
      },
      {
        from: 'FAST',
        to: 'SLOW',
        reason: 'victim',
        moves: 1,
        bytes: 10,
        gainNs: 5,
        examples: [{ key: 'c', reads: 1 }],
      },
    ]);
  });
});

describe('the sums', () => {
  const tiers = [tier('L1_DDR'), tier('L4_NVME')];
  const model = new AccessModel(tiers);
  for (let i = 0; i < 3; i++) model.add(0, 1000, false);
  model.add(1, 1000, false);

  test('of a chapter add up', () => {
    const report = chapterReport(model, {
      years: '1-2',
      passagesRead: 1,
      seconds: 1,
      moved: 0,
      bytesMoved: 0,
      moveSeconds: 0,
    });
    expect(report.accesses).toBe(4);
    expect(report.bytes).toBe(4000);
    expect(report.tiers.map(({ hitShare }) => hitShare)).toEqual([0.75, 0.25]);
    // DDR: 100 ns + 1000 B at 100 GB/s; NVMe: 80 us + 1000 B at 7 GB/s.
    expect(report.modelledAccessNs).toBeCloseTo((3 * 110 + 80_000 + 1000 / 7) / 4, 6);
  });

  test('of cost follow the bytes: 1 GiB of DDR is 1', () => {
    const held = holdings(tiers, Uint8Array.of(0, 1), () => GiB);
    expect(held.map(({ objects }) => objects)).toEqual([1, 1]);
    expect(asHeld('x', tiers, held, model).costPerMonth).toBeCloseTo(1.1);
    const ddr = allIn(tiers[0], model, 2 * GiB);
    expect(ddr.costPerMonth).toBe(2);
    expect(ddr.modelledAccessNs).toBeCloseTo(110, 6);
  });
});

test('budgets cover the data in five tiers, and a given tier replaces its namesake', () => {
  const tiers = demoTiers(100 * 2 ** 20, [{ name: 'L1_DDR', capacityBytes: '6MiB' }], 'auto');
  expect(tiers.map(({ name }) => name)).toEqual([
    'L0_HBM',
    'L1_DDR',
    'L2_CXL',
    'L3_PMEM',
    'L4_NVME',
  ]);
  expect(tiers[1].capacityBytes).toBe('6MiB');
  expect(tiers[4]).toMatchObject({ directory: 'auto', capacityBytes: 114 * 2 ** 20 });
});

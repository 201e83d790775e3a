import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decisionLine, parseDecision } from '../../lib/decisions/decision-format.ts';
import { findDifference, replan, TieredMemory } from '../../lib/index.ts';

const tiers = [
  { name: 'L1_DDR', capacityBytes: '4MiB', kind: 'simulated' },
  { name: 'L4_NVME', capacityBytes: '64MiB', kind: 'simulated' },
] as const;

let memory: TieredMemory;
beforeEach(async () => {
  memory = await TieredMemory.open({ tiers, background: false, policy: 'lru', tracking: false });
});
afterEach(async () => {
  await memory.close();
});

describe('memory.explain', () => {
  it('tells of a used value that it will go up, and it goes', async () => {
    const handle = await memory.store(new Uint8Array(5000), { key: 'hot', tierHint: 'L4_NVME' });
    for (let i = 0; i < 100; i++) handle.read();
    const [byKey, byHandle] = [await memory.explain('hot'), await memory.explain(handle)];
    expect(byHandle!.units).toEqual(byKey!.units.map((one) => ({ ...one, ...rates(byHandle!) })));
    expect(byKey!.policy).toBe('lru');
    expect(byKey!.units).toHaveLength(1);
    expect(byKey!.units[0]).toMatchObject({
      tier: 'L4_NVME',
      decision: 'move',
      to: 'L1_DDR',
      why: 'recent',
    });
    expect(byKey!.text).toMatch(/^heat [\d.]+\/s, .*: to L1_DDR \(recent\)$/);
    const { moves } = await memory.optimizePlacement();
    expect(moves.map(({ unit, outcome }) => [unit, outcome])).toEqual([
      [byKey!.units[0].unit, 'moved'],
    ]);
    expect(handle.tier).toBe('L1_DDR');
    expect((await memory.explain('hot'))!.units[0]).toMatchObject({ why: 'fastest' });
  });

  it('has a line for every chunk of a large value, and moves nothing', async () => {
    const handle = await memory.store(new Uint8Array(5 * 2 ** 20), { tierHint: 'L4_NVME' });
    handle.read();
    const found = await memory.explain(handle);
    expect(found!.units).toHaveLength(3);
    expect(found!.text.split('\n')).toHaveLength(3);
    // Two chunks are all that the fast tier could hold, and its head-room is kept: one goes.
    expect(found!.units.filter(({ decision }) => decision === 'move')).toHaveLength(1);
    expect(found!.units.filter(({ why }) => why === 'room')).toHaveLength(2);
    expect(handle.tier).toBe('L4_NVME');
  });

  it('says who holds what no plan may move', async () => {
    const handle = await memory.store(new Uint8Array(100), { key: 1 });
    using _lease = handle.lease();
    expect((await memory.explain(1))!.units[0]).toMatchObject({ decision: 'stay', why: 'leased' });
    const region = memory.allocate(Float32Array, 1000);
    const [chunk] = (await memory.explain(region))!.units;
    expect(chunk).toMatchObject({ why: 'untracked', bytes: 2 * 2 ** 20 });
    region.touch();
    expect((await memory.explain(region))!.units[0].why).not.toBe('untracked');
  });

  it('refuses what is not data of this memory', async () => {
    expect(await memory.explain('nothing')).toBeUndefined();
    const handle = await memory.store('text', { key: 'a' });
    await using other = await TieredMemory.open({ tiers, background: false });
    await expect(other.explain(handle)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    await expect(memory.explain({} as never)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
    memory.delete('a');
    await expect(memory.explain(handle)).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
  });
});

describe('a dry run that explains itself', () => {
  it('names whom it keeps', async () => {
    for (let i = 0; i < 6; i++) {
      const handle = await memory.store(new Uint8Array(2 ** 20), { key: i, tierHint: 'L4_NVME' });
      handle.read();
    }
    const report = await memory.optimizePlacement({ dryRun: true, explain: true });
    expect(report.refusals.length).toBeGreaterThan(0);
    const keys = [...report.moves, ...report.refusals].map(({ unit }) => memory.keyOf(unit));
    expect(keys.sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect((await memory.optimizePlacement({ dryRun: true })).refusals).toEqual([]);
  });
});

describe('onDecision', () => {
  it('has all that a live plan was made from: it can be made again', async () => {
    const lines: string[] = [];
    await using live = await TieredMemory.open({
      tiers,
      background: false,
      onDecision: (decision) => lines.push(decisionLine(decision)),
    });
    for (let i = 0; i < 200; i++)
      live.storeSync(new Uint8Array(8000), { key: i, tierHint: 'L4_NVME' });
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 1000; i++) live.get((i * i + round) % 200)!.read();
      await live.engine.step();
    }
    expect(lines).toHaveLength(5);
    let moves = 0;
    for (const [i, line] of lines.entries()) {
      const decision = parseDecision(line, 'memory', i + 1);
      moves += decision.plan.moves.length;
      expect(findDifference(decision, replan(decision, live.engine.policy))).toBeUndefined();
    }
    expect(moves).toBeGreaterThan(0);
    expect(live.stats().migration.errors).toBe(0);
  });

  it('has to be a function', async () => {
    await expect(TieredMemory.open({ tiers, onDecision: 1 as never })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });
});

/** Rates depend on when they were asked for. */
function rates({ units: [one] }: NonNullable<Awaited<ReturnType<TieredMemory['explain']>>>) {
  const { heatPerSecond, thresholdPerSecond, text } = one;
  return { heatPerSecond, thresholdPerSecond, text };
}

import { describe, expect, it } from 'vitest';
import { DataMigrationEngine } from '../../../lib/migration/data-migration-engine.ts';
import { balancedPolicy } from '../../../lib/policy/balanced.ts';
import { ddr, ModelTarget, nvme } from './model-target.ts';

const page = 4096;

/** An engine over four hot units in the slow tier. */
function withHotUnits() {
  const target = new ModelTarget([ddr(100 * page), nvme(1e9)]);
  const units = Array.from({ length: 4 }, () => target.create(page, 1));
  for (const unit of units) target.read(unit, 50);
  const engine = new DataMigrationEngine({
    target,
    policy: balancedPolicy(),
    bytesPerSecond: Infinity,
    mainThreadBudgetUs: 1e6,
  });
  return { target, units, engine };
}

describe('a move that fails', () => {
  it('is reported with what was behind it, at once or later, and counted by that', async () => {
    const { target, units, engine } = withHotUnits();
    const [lost, busy, plain, good] = units;
    target.moveHook = (unit) => {
      if (unit === lost) return { outcome: 'damaged', code: 'ERR_TIER_LOST' };
      if (unit === busy) return Promise.resolve({ outcome: 'refused', code: 'EBUSY' });
      return unit === plain ? 'refused' : undefined;
    };
    const report = await engine.optimize();
    expect(report.outcomes).toMatchObject({ moved: 1 });
    const moveOf = (unit: number) => report.moves.find((move) => move.unit === unit);
    expect(moveOf(lost)).toMatchObject({ outcome: 'damaged', code: 'ERR_TIER_LOST' });
    expect(moveOf(busy)).toMatchObject({ outcome: 'refused', code: 'EBUSY' });
    expect(moveOf(plain)?.outcome).toBe('refused');
    expect(moveOf(plain)).not.toHaveProperty('code');
    expect(moveOf(good)).not.toHaveProperty('code');
    const { failures, outcomes } = engine.stats();
    expect(Object.keys(failures).sort()).toEqual(['EBUSY', 'ERR_TIER_LOST']);
    expect(failures.ERR_TIER_LOST).toBe(outcomes.damaged);
    expect(report.failures).toEqual(failures);
    // A copy: what the engine counts on is not to be changed from outside.
    (failures as Record<string, number>).EBUSY = 0;
    expect(engine.stats().failures.EBUSY).toBeGreaterThan(0);
  });
});

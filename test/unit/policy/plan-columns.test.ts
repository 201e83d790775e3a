import { describe, expect, it } from 'vitest';
import { giveBackColumns, takeColumns } from '../../../lib/policy/plan-columns.ts';

describe('columns of a plan', () => {
  it("are nobody else's until they are given back, and long enough", () => {
    const first = takeColumns(1000);
    const second = takeColumns(1000);
    expect(second).not.toBe(first);
    giveBackColumns(first);
    expect(takeColumns(1000)).toBe(first);
    giveBackColumns(first);
    const larger = takeColumns(5000);
    expect(larger.rows).toBeGreaterThanOrEqual(5000);
    for (const column of [larger.useClass, larger.age, larger.taken, larger.worth, larger.score]) {
      expect(column.length).toBe(larger.rows);
    }
    expect(larger.candidates.length + larger.victims.length).toBe(2 * larger.rows);
  });

  it('are not kept for ever when they are very long', () => {
    const long = takeColumns(1_000_000);
    giveBackColumns(long);
    expect(takeColumns(10)).not.toBe(long);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DataMigrationEngine } from '../../../lib/migration/data-migration-engine.ts';
import type { MigrationTarget } from '../../../lib/migration/migration-target.ts';
import { balancedPolicy } from '../../../lib/policy/balanced.ts';
import { ddr, ModelTarget, nvme } from './model-target.ts';

const MiB = 2 ** 20;

/** A store with so many steps of housekeeping, each of which copies a MiB and takes so long. */
class UntidyTarget extends ModelTarget implements MigrationTarget {
  now = 0;
  steps = 0;
  stepNs = 1000;
  left: number;
  ended = 0;
  readonly thorough: boolean[] = [];
  failure: Error | undefined;
  onTenth: () => void = () => {};
  onEnd: () => void = () => {};

  constructor(left: number) {
    super([ddr(64 * MiB), nvme(1e9)]);
    this.left = left;
  }

  tidy(thorough: boolean): Iterator<number> | undefined {
    this.thorough.push(thorough);
    return this.left === 0 ? undefined : this.#work();
  }

  *#work(): Generator<number, void> {
    try {
      while (this.left > 0) {
        if (this.failure !== undefined) throw this.failure;
        this.left--;
        this.now += this.stepNs;
        if (++this.steps === 10) this.onTenth();
        yield MiB;
      }
    } finally {
      this.ended++;
      this.onEnd();
    }
  }
}

function engineOf(target: UntidyTarget, bytesPerSecond = Infinity): DataMigrationEngine {
  return new DataMigrationEngine({
    target,
    policy: balancedPolicy(),
    bytesPerSecond,
    mainThreadBudgetUs: 100,
    clock: () => target.now,
  });
}

describe('tidying', () => {
  it('is done to the end by an optimisation, and thoroughly', async () => {
    const target = new UntidyTarget(1000);
    const engine = engineOf(target, MiB);
    const report = await engine.optimize();
    expect(target).toMatchObject({ left: 0, ended: 1, thorough: [true] });
    expect(report.aborted).toBe(false);
    expect(engine.stats().evacuatedBytes).toBe(1000 * MiB);
  });

  it('is no part of a dry run', async () => {
    const target = new UntidyTarget(10);
    await engineOf(target).optimize({ dryRun: true });
    expect(target).toMatchObject({ left: 10, thorough: [] });
  });

  it('lets others run whenever a slice is over', async () => {
    const target = new UntidyTarget(100);
    target.stepNs = 40_000;
    const engine = engineOf(target);
    await engine.optimize();
    const { slices } = engine.stats();
    expect(slices.count).toBeGreaterThanOrEqual(33);
    expect(slices.maxNs).toBeLessThan(125_000);
  });

  it('ends with the signal, and says so', async () => {
    const target = new UntidyTarget(1000);
    const controller = new AbortController();
    target.onTenth = () => controller.abort();
    const report = await engineOf(target).optimize({ signal: controller.signal });
    expect(report.aborted).toBe(true);
    expect(target).toMatchObject({ left: 990, ended: 1 });
  });

  it('takes a slice of a background round, and a tenth of the time since the last one', async () => {
    const target = new UntidyTarget(1e6);
    const engine = engineOf(target);
    /** One round of the background. */
    const round = async (): Promise<void> => {
      target.onEnd = () => engine.stop();
      engine.start(1);
      while (engine.running) await sleep(1);
      await engine.idle();
    };
    await round();
    expect(target.steps).toBe(100);
    target.now += 10_000_000;
    await round();
    // A tenth of the 10 ms and of the 100 us of the first round.
    expect(target.steps).toBe(100 + 1010);
    expect(target).toMatchObject({ ended: 2, thorough: [false, false] });
  });

  it('does not depend on the speed of the machine in a step that is asked for', async () => {
    const target = new UntidyTarget(5000);
    target.stepNs = 1e6;
    await engineOf(target).step();
    expect(target).toMatchObject({ left: 0, ended: 1, thorough: [false] });
  });

  it('stays within the rate limit, which it pays for', async () => {
    const target = new UntidyTarget(1000);
    const engine = engineOf(target, MiB);
    target.stepNs = 0;
    // The bucket holds 8 MiB at the start.
    await engine.step();
    expect(target.steps).toBe(8);
    await engine.step();
    expect(target.steps).toBe(8);
    target.now += 3e9;
    await engine.step();
    expect(target.steps).toBe(11);
  });

  it('stays within what a step may move', async () => {
    const target = new UntidyTarget(1000);
    await engineOf(target).step({ maxBytes: 3 * MiB });
    expect(target.steps).toBe(3);
  });

  it('gets a quarter of the bytes although there is more to move than the rate allows', async () => {
    const target = new UntidyTarget(1000);
    for (let i = 0; i < 12; i++) target.read(target.create(MiB, 1), 5000);
    const report = await engineOf(target, MiB).step();
    expect(report.bytesMoved).toBe(6 * MiB);
    expect(target.steps).toBe(2);
  });

  it('leaves all of the bytes to moves when there is nothing to tidy', async () => {
    const target = new UntidyTarget(0);
    for (let i = 0; i < 12; i++) target.read(target.create(MiB, 1), 5000);
    expect((await engineOf(target, MiB).step()).bytesMoved).toBe(8 * MiB);
  });

  it('that fails is counted and does not fail the step', async () => {
    const target = new UntidyTarget(5);
    target.failure = new Error('broken');
    const engine = engineOf(target);
    await engine.step();
    expect(engine.stats()).toMatchObject({ errors: 1, lastError: target.failure });
  });
});

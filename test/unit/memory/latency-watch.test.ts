import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LatencySample } from '../../../lib/memory/heap-binding.ts';
import { LatencyWatch } from '../../../lib/memory/latency-watch.ts';
import type { TierMeter } from '../../../lib/memory/tier-probes.ts';
import { latencyBalanced } from '../../../lib/policy/latency-balanced.ts';
import type { TierState } from '../../../lib/policy/policy.ts';
import { staticPolicy } from '../../../lib/policy/static.ts';
import type { FigureSource, Tier } from '../../../lib/tiers/tier.ts';
import { modelTiers } from '../../support/stores.ts';
import { snapshotOf, type UnitSpec } from '../policy/snapshots.ts';

/** Latencies that a test sets; a measurement costs what it says. */
class FakeMeter implements TierMeter {
  readonly tiers: readonly number[];
  readonly unmeasured = [{ name: 'L4_NVME' as const, reason: 'it is a drive' }];
  latencyNs: number[] = [100, 250];
  costNs = 10_000;
  error: Error | undefined;
  measured = 0;
  closed = 0;

  constructor(tiers: readonly number[] = [0, 1]) {
    this.tiers = tiers;
  }

  async measure(tier: number): Promise<LatencySample> {
    this.measured++;
    if (this.error !== undefined) throw this.error;
    return { latencyNs: this.latencyNs[tier], costNs: this.costNs };
  }

  close(): void {
    this.closed++;
  }
}

/** Two tiers, taken for 100 ns and 250 ns. */
function tiersOf(source: FigureSource = 'default'): Tier[] {
  return modelTiers([64, 64]).map((tier, k) => {
    const readLatencyNs = { value: k === 0 ? 100 : 250, source };
    return { ...tier, spec: { ...tier.spec, readLatencyNs } };
  });
}

/** Ten units in the fast tier with most of the accesses, ten in the other. */
const units = Array.from({ length: 20 }, (_, id): UnitSpec => {
  const reads = id < 10 ? 100 : 10;
  return { id, tier: id < 10 ? 0 : 1, heat: reads, reads };
});
const snapshot = snapshotOf(
  [
    { capacityBytes: 100 * 4096, readLatencyNs: 100 },
    { capacityBytes: 100 * 4096, readLatencyNs: 250 },
  ],
  units,
);
const states: readonly TierState[] = snapshot.tiers;

function watching(meter: TierMeter, tiers = tiersOf(), overhead = 0.001): LatencyWatch {
  return new LatencyWatch(tiers, meter, { overhead, nowNs: () => Date.now() * 1e6 });
}

/** Lets it measure, then plans, so many times. */
async function plans(watch: LatencyWatch, times: number) {
  let balance = watch.observe(snapshot.units, states);
  for (let i = 0; i < times; i++) {
    await vi.advanceTimersByTimeAsync(1000);
    balance = watch.observe(snapshot.units, states);
  }
  return balance;
}

describe('a latency watch', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('finds a tier that answers later under load than the next one, and the policy spares it', async () => {
    const meter = new FakeMeter();
    const watch = watching(meter);
    const quiet = await plans(watch, 12);
    expect(quiet?.pairs[0].engaged).toBe(false);
    meter.latencyNs = [600, 250];
    const loaded = await plans(watch, 20);
    expect(loaded?.pairs[0]).toMatchObject({ engaged: true });
    expect(loaded?.pairs[0].target).toBeLessThan(0.9);
    expect(watch.stats().balanced).toEqual(['L1_DDR']);
    const policy = latencyBalanced(staticPolicy());
    const { moves } = policy.plan({ ...snapshot, latencyBalance: loaded }, { bytes: 1e9 });
    expect(moves[0]).toMatchObject({ from: 0, to: 1, reason: 'load' });
    watch.close();
  });

  it('changes nothing while tiers are quiet, whatever their figures say', async () => {
    const meter = new FakeMeter();
    // Slower than the defaults, both alike: the machine is, not the load.
    meter.latencyNs = [180, 400];
    const watch = watching(meter);
    const balance = await plans(watch, 20);
    expect(balance?.pairs[0].engaged).toBe(false);
    // The same latency that would be a load on a machine as fast as its figures.
    meter.latencyNs = [180, 170];
    expect((await plans(watch, 20))?.pairs[0].engaged).toBe(false);
    watch.close();
  });

  it('believes figures that were calibrated, also when the tier was never quiet', async () => {
    for (const source of ['measured', 'default'] as const) {
      const meter = new FakeMeter();
      meter.latencyNs = [180, 150];
      const watch = watching(meter, tiersOf(source));
      const balance = await plans(watch, 20);
      expect(balance?.pairs[0].engaged).toBe(source === 'measured');
      watch.close();
    }
  });

  it('takes the median of what was measured since the last plan, and a dry run takes nothing', async () => {
    const meter = new FakeMeter();
    const watch = watching(meter);
    for (const latency of [100, 5000, 110, 120, 130]) {
      meter.latencyNs = [latency, 250];
      await vi.advanceTimersByTimeAsync(watch.stats().intervalMs);
    }
    const before = watch.observe(snapshot.units, states, true);
    expect(before?.loadedLatencyNs).toEqual([0, 0]);
    expect(watch.observe(snapshot.units, states)?.loadedLatencyNs).toEqual([120, 250]);
    // Nothing new was measured, and nothing is concluded from the same figures again.
    expect(watch.observe(snapshot.units, states)?.samples).toBe(1);
    watch.close();
  });

  it('measures as often as its share of a core allows', async () => {
    const meter = new FakeMeter();
    meter.costNs = 980_000;
    const watch = watching(meter);
    await vi.advanceTimersByTimeAsync(60_000);
    // Two tiers at a millisecond each, with what a task costs besides: every two seconds.
    expect(meter.measured / 2).toBeGreaterThan(20);
    expect(meter.measured / 2).toBeLessThanOrEqual(31);
    expect(watch.stats().costShare).toBeLessThan(0.00105);
    watch.close();
  });

  it('has no state and says why when there are no two tiers next to each other to compare', async () => {
    const meter = new FakeMeter([0]);
    const watch = watching(meter);
    expect(await plans(watch, 3)).toBeUndefined();
    expect(meter.measured).toBe(0);
    expect(meter.closed).toBe(1);
    expect(watch.limits()[0].reason).toMatch(/no two tiers .*L4_NVME: it is a drive/);
    watch.close();
    expect(meter.closed).toBe(1);
  });

  it('gives up when measuring keeps failing, and then the policy is the one it wraps', async () => {
    const meter = new FakeMeter();
    const watch = watching(meter);
    meter.latencyNs = [600, 250];
    await plans(watch, 5);
    meter.error = new Error('the page is gone');
    expect(await plans(watch, 20)).toBeUndefined();
    expect(watch.limits()).toMatchObject([{ reason: 'measuring failed: the page is gone' }]);
    expect(watch.stats()).toMatchObject({ errors: 8, tiers: [], balanced: [] });
    expect(meter.closed).toBe(1);
    const { measured } = meter;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(meter.measured).toBe(measured);
  });

  it('survives failures in between', async () => {
    const meter = new FakeMeter();
    const watch = watching(meter);
    meter.error = new Error('busy');
    await vi.advanceTimersByTimeAsync(100);
    meter.error = undefined;
    expect((await plans(watch, 3))?.samples).toBe(3);
    expect(watch.stats().errors).toBeGreaterThan(0);
    expect(watch.limits()).toEqual([]);
    watch.close();
  });

  it('stops when it is closed, a measurement under way included', async () => {
    const meter = new FakeMeter();
    const watch = watching(meter);
    vi.advanceTimersByTime(50);
    watch.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(meter.measured).toBe(1);
    expect(meter.closed).toBe(1);
    expect(watch.limits()).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import type { CalibrationResult, NativeHeap } from '../../../lib/memory/heap-binding.ts';
import type { NativeBinding } from '../../../lib/native.ts';
import { calibrateTiers } from '../../../lib/tiers/calibrate-tiers.ts';
import type { BackendConfig, Tier } from '../../../lib/tiers/tier.ts';
import { composeSpec } from '../../../lib/tiers/tier-spec.ts';

const mib = 2 ** 20;
const options = { bytes: 64 * mib, durationMs: 10 };

function tierOf(backends: readonly BackendConfig[], kind: Tier['kind'] = 'real'): Tier {
  const spec = composeSpec('L1_DDR', null, { readBytesPerSecond: 7 });
  return { name: 'L1_DDR', kind, capacityBytes: 1, spec, backends, evidence: [] };
}

const numa = (node: number, capacityBytes: number = 256 * mib): BackendConfig => ({
  kind: 'numa',
  node,
  capacityBytes,
});

/** A binding whose backends measure what `measure` says, and that counts heaps left open. */
function fakeNative(measure: (config: BackendConfig) => Partial<CalibrationResult>) {
  const calls = { open: 0, workingSets: [] as number[] };
  const openHeap = () => {
    calls.open += 1;
    const configs: BackendConfig[] = [];
    return {
      addBackend: (config: BackendConfig) => configs.push(config) - 1,
      calibrate: async (index: number, bytes: number) => {
        calls.workingSets.push(bytes);
        return {
          readLatencyNs: 100,
          readLatencyIqrNs: 1,
          readBytesPerSecond: 1e9,
          writeBytesPerSecond: 2e9,
          workingSetBytes: bytes,
          ...measure(configs[index]),
        };
      },
      close: () => {
        calls.open -= 1;
      },
    } as unknown as NativeHeap;
  };
  return { native: { openHeap } as unknown as NativeBinding, calls };
}

describe('calibrating', () => {
  test('replaces every figure but those of the user', async () => {
    const { native, calls } = fakeNative(() => ({ readLatencyNs: 80 }));
    const { tiers } = await calibrateTiers(native, [tierOf([numa(0)])], 0, options);
    expect(tiers[0].spec).toMatchObject({
      readLatencyNs: { value: 80, source: 'measured' },
      writeLatencyNs: { value: 80, source: 'measured' },
      readBytesPerSecond: { value: 7, source: 'user' },
      writeBytesPerSecond: { value: 2e9, source: 'measured' },
      costPerGiBMonth: { source: 'default' },
    });
    expect(calls).toEqual({ open: 0, workingSets: [64 * mib] });
  });

  test('takes the mean of several backends, each within its capacity', async () => {
    const { native, calls } = fakeNative((config) => ({
      readLatencyNs: config.kind === 'numa' && config.node === 0 ? 80 : 120,
    }));
    const tier = tierOf([numa(0), numa(1, 8 * mib)]);
    const { tiers, calibrations } = await calibrateTiers(native, [tier], 0, options);
    expect(tiers[0].spec.readLatencyNs.value).toBe(100);
    expect(calibrations[0].results).toHaveLength(2);
    expect(calls.workingSets).toEqual([64 * mib, 8 * mib]);
  });

  test('notes a backend that fails and keeps the figures', async () => {
    const { native, calls } = fakeNative(() => {
      throw new TierError('ERR_TIER_IO', 'the drive failed');
    });
    const tier = tierOf([numa(0)]);
    const { tiers, calibrations } = await calibrateTiers(native, [tier], 0, options);
    expect(tiers).toEqual([tier]);
    expect(calibrations[0]).toMatchObject({
      results: [],
      notes: ['not measured: the drive failed'],
    });
    expect(calls.open).toBe(0);
  });

  test('notes figures that the caches had a part in', async () => {
    const { native } = fakeNative(() => ({}));
    const measured = async (cacheBytes: number) =>
      (await calibrateTiers(native, [tierOf([numa(0)])], cacheBytes, options)).calibrations[0]
        .notes;
    expect(await measured(16 * mib)).toEqual([]);
    expect(await measured(17 * mib)).toEqual([
      "figures include the CPU's caches: 64 MiB measured, 17 MiB of cache",
    ]);
  });

  test('leaves a simulated tier the figures of its class', async () => {
    const { native, calls } = fakeNative(() => ({ readLatencyNs: 1 }));
    const tier = tierOf([{ kind: 'simulated', capacityBytes: 4 * mib }], 'simulated');
    const { tiers } = await calibrateTiers(native, [tier], 0, options);
    expect(tiers).toEqual([tier]);
    expect(calls.workingSets).toEqual([]);
  });
});

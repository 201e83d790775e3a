import { expect, test } from 'vitest';
import { AccessModel, modelledAccessNs } from '../../../lib/simulation/access-model.ts';
import type { Figure, Tier } from '../../../lib/tiers/tier.ts';

const figure = (value: number): Figure => ({ value, source: 'user' });

function tier(name: Tier['name'], readNs: number, writeNs: number): Tier {
  return {
    name,
    kind: 'simulated',
    capacityBytes: 1,
    backends: [],
    evidence: [],
    spec: {
      readLatencyNs: figure(readNs),
      writeLatencyNs: figure(writeNs),
      readBytesPerSecond: figure(1e9),
      writeBytesPerSecond: figure(0.5e9),
      costPerGiBMonth: figure(1),
    },
  };
}

test('an access takes the latency and its bytes over the bandwidth, by direction', () => {
  expect(modelledAccessNs(tier('L1_DDR', 100, 150), 1000, false)).toBe(1100);
  expect(modelledAccessNs(tier('L1_DDR', 100, 150), 1000, true)).toBe(2150);
});

test('accesses are summed by tier', () => {
  const model = new AccessModel([tier('L1_DDR', 100, 100), tier('L2_CXL', 300, 300)]);
  model.add(0, 1000, false);
  model.add(1, 500, false);
  model.add(1, 500, true);
  expect(model.accesses).toBe(3);
  expect(model.byTier.map(({ accesses, bytes }) => [accesses, bytes])).toEqual([
    [1, 1000],
    [2, 1000],
  ]);
  expect(model.modelledNs).toBe(1100 + 800 + 1300);
});

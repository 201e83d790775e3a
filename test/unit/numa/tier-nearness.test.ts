import { describe, expect, it } from 'vitest';
import { firmwareBandwidths, thisMachine, tierNearness } from '../../../lib/numa/tier-nearness.ts';
import type { NodeDescription } from '../../../lib/tiers/machine-description.ts';
import { modelTiers } from '../../support/stores.ts';
import { describeShape } from './machine-tree.ts';

const { machine } = describeShape({ sockets: 2, memoryNodes: [{ distances: [13, 23] }] });

/** The machine with these bandwidths in its HMAT, reading and writing, by node. */
function withFigures(...figures: (readonly [read: number | null, write: number | null])[]) {
  const nodes = machine.nodes.map((node, i): NodeDescription => {
    const [readBytesPerSecond, writeBytesPerSecond] = figures[i] ?? [null, null];
    const attributes = [
      {
        accessClass: 0,
        initiators: [0],
        readLatencyNs: 100,
        writeLatencyNs: 100,
        readBytesPerSecond,
        writeBytesPerSecond,
      },
    ] as const;
    return { ...node, attributes };
  });
  return { ...machine, nodes };
}

describe("the firmware's bandwidths", () => {
  it('are the lower of reading and writing, in the order asked for', () => {
    const described = withFigures([100e9, 80e9], [100e9, 120e9], [400e9, 400e9]);
    expect(firmwareBandwidths(described, [2, 0, 1])).toEqual([400e9, 80e9, 100e9]);
  });

  it('are one of them where the other is missing', () => {
    expect(firmwareBandwidths(withFigures([100e9, null], [null, 50e9]), [0, 1])).toEqual([
      100e9, 50e9,
    ]);
  });

  it('are none as soon as one node has none, or is not there', () => {
    expect(firmwareBandwidths(withFigures([100e9, 100e9]), [0, 1])).toBeUndefined();
    expect(firmwareBandwidths(withFigures([100e9, 100e9]), [0, 9])).toBeUndefined();
  });

  it('are of this machine', () => {
    expect(thisMachine()?.nodes.length).toBeGreaterThan(0);
  });
});

describe('the nearness of tiers', () => {
  it('is of no interest where each tier has one backend', () => {
    expect(tierNearness(modelTiers([8, 8]))).toBeUndefined();
  });

  it('knows where the thread is, and orders the backends of a tier', () => {
    const [tier] = modelTiers([8]);
    const backends = [
      { kind: 'simulated', capacityBytes: 8 },
      { kind: 'simulated', node: 0, capacityBytes: 8 },
    ] as const;
    const nearness = tierNearness([{ ...tier!, backends }]);
    expect(nearness?.order(0, 0)).toEqual([1, 0]);
    const node = nearness!.lookForCaller();
    expect(node).toBeGreaterThanOrEqual(0);
    expect(nearness?.callerNode()).toBe(node);
  });
});

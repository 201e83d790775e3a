import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import { NumaOptimizer } from '../../../lib/numa/numa-optimizer.ts';

vi.mock('../../../lib/native.ts', () => ({
  nativeBinding: () =>
    new TierError('ERR_TIER_NATIVE', 'not on this platform', { hint: 'Use Linux.' }),
}));

describe('without the native part', () => {
  const numa = new NumaOptimizer();
  const native = expect.objectContaining({ code: 'ERR_TIER_NATIVE' });

  it('there is no node, no tier is near, and the limits say why', () => {
    expect(numa.topology.nodes).toEqual([]);
    expect(numa.refresh().cpus).toEqual([]);
    expect(numa.nearestBackends).toEqual([]);
    expect(numa.limits).toEqual([
      { what: 'Threads cannot be placed', reason: 'not on this platform', hint: 'Use Linux.' },
    ]);
  });

  it('what needs it throws, and nothing is run or started', () => {
    expect(() => numa.pinThread(0)).toThrow(native);
    expect(() => numa.unpinThread()).toThrow(native);
    expect(() => numa.run(0, () => expect.unreachable())).toThrow(native);
    expect(() => numa.spawnWorker('0', { eval: true, node: 0 })).toThrow(native);
    expect(() => numa.spawnWorker('0', { eval: true, node: 'balanced' })).toThrow(native);
    expect(() => numa.fork('/nowhere', [], { cpus: [0] })).toThrow(native);
    expect(() => numa.here()).toThrow(native);
    expect(() => numa.kernelCounters()).toThrow(native);
  });

  it('processMemory rejects', async () => {
    await expect(numa.processMemory()).rejects.toThrow(native);
  });

  it('workers that are not to be placed still start', async () => {
    const worker = numa.spawnWorker('process.exit(7)', { eval: true });
    expect(await once(worker, 'exit')).toEqual([7]);
  });

  it('misuse is still told apart', () => {
    expect(() => numa.fork('/nowhere', { cpus: [0] } as never)).toThrow(TypeError);
    expect(() => numa.run(0, 'fn' as never)).toThrow(TypeError);
    expect(() => numa.spawnWorker('0', { eval: true, preferMemory: true })).toThrow(RangeError);
    expect(() => numa.spawnWorker('0', { preferMemory: 1 as never, node: 0 })).toThrow(TypeError);
  });
});

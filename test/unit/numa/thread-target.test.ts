import { describe, expect, it } from 'vitest';
import type { TierError } from '../../../lib/errors.ts';
import { resolveTarget } from '../../../lib/numa/thread-target.ts';
import { NumaTopology } from '../../../lib/numa/topology.ts';
import { describeFiles, describeShape, machineFiles } from './machine-tree.ts';

const { topology } = describeShape({
  sockets: 3,
  memoryNodes: [{ initiators: [1], distances: [23, 13, 23] }],
  allowedCpus: '0-1,3',
  allowedNodes: '0,3',
});
const resolve = (placement: unknown, preferMemory = false) =>
  resolveTarget(topology, 'placement', placement, preferMemory);

function errorOf(placement: unknown, preferMemory = false): TierError {
  try {
    resolve(placement, preferMemory);
  } catch (error) {
    return error as TierError;
  }
  throw new Error('nothing was thrown');
}

describe('a placement', () => {
  it('on a node means its CPUs that the process may use', () => {
    expect(resolve(0)).toEqual({ cpus: [0, 1], node: 0, preferNode: undefined });
    expect(resolve(1)).toEqual({ cpus: [3], node: 1, preferNode: undefined });
  });

  it('on CPUs means these, once and in order, and knows their node', () => {
    expect(resolve([1, 0, 1])).toEqual({ cpus: [0, 1], node: 0, preferNode: undefined });
    expect(resolve([3, 0])).toEqual({ cpus: [0, 3], node: null, preferNode: undefined });
  });

  it('prefers memory of its node when asked to', () => {
    expect(resolve(0, true).preferNode).toBe(0);
    expect(resolve([1], true).preferNode).toBe(0);
  });

  it('on a node without CPUs is refused, and the hint names those next to it', () => {
    const error = errorOf(3);
    expect(error.code).toBe('ERR_TIER_UNAVAILABLE');
    expect(error.message).toBe('Node 3 has no CPUs to run on');
    expect(error.hint).toMatch(/next to the CPUs of node 1\b/);
  });

  it('outside the cpuset is refused, and says what may be used', () => {
    for (const placement of [2, [0, 4]]) {
      const error = errorOf(placement);
      expect(error.code).toBe('ERR_TIER_NO_PERMISSION');
      expect(error.message).toContain('0, 1, 3');
      expect(error.hint).toMatch(/cpuset/);
    }
  });

  it('on what is not there is refused', () => {
    expect(errorOf(9)).toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
      message: 'There is no node 9; there are: 0, 1, 2, 3',
    });
    expect(errorOf([0, 77])).toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
      message: 'CPU 77 is not online',
    });
  });

  it('with memory of a node where the process may not allocate is refused', () => {
    expect(errorOf(1, true)).toMatchObject({ code: 'ERR_TIER_UNAVAILABLE' });
    expect(errorOf([0, 3], true)).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });

  it('that is none is misuse', () => {
    for (const placement of [undefined, null, '0', {}, true]) {
      expect(() => resolve(placement)).toThrow(TypeError);
    }
    for (const placement of [-1, 0.5, Number.NaN, [], [-1], 1e9]) {
      expect(() => resolve(placement)).toThrow(RangeError);
    }
    expect(() => resolve([0, '1'])).toThrow(TypeError);
  });

  it('on a node without memory has the CPUs of it', () => {
    const files = machineFiles({ sockets: 2 });
    files['/sys/devices/system/node/node1/meminfo'] =
      'Node 1 MemTotal: 0 kB\nNode 1 MemFree: 0 kB\n';
    const bare = describeFiles(files).topology;
    expect(resolveTarget(bare, 'placement', 1, false).cpus).toEqual([2, 3]);
    expect(() => resolveTarget(bare, 'placement', 1, true)).toThrow(/no memory/);
  });

  it('on CPUs is left to the kernel where nothing is known of them', () => {
    const unknown = new NumaTopology();
    expect(resolveTarget(unknown, 'placement', [4], false).cpus).toEqual([4]);
    expect(() => resolveTarget(unknown, 'placement', 0, false)).toThrow(/There is no node 0/);
  });
});

import { describe, expect, it } from 'vitest';
import { checkPlacement } from '../../lib/memory/placement.ts';
import { type AllocateOptions, interleaveRequest } from '../../lib/memory-options.ts';
import { codeOf } from '../support/outcomes.ts';

describe('the options of an interleaved region', () => {
  it('ask for nothing unless they do', () => {
    expect(interleaveRequest({})).toBeUndefined();
    expect(interleaveRequest({ interleave: false, numaNode: 1 })).toBeUndefined();
  });

  it('name shares, nodes and stripes', () => {
    expect(interleaveRequest({ interleave: true })).toEqual({
      weights: 'equal',
      nodes: undefined,
      stripeBytes: undefined,
    });
    expect(interleaveRequest({ interleave: 'bandwidth', numaNode: [0, 4] })).toEqual({
      weights: 'bandwidth',
      nodes: [0, 4],
      stripeBytes: undefined,
    });
    expect(interleaveRequest({ interleave: { 0: 3, 4: 0.5 }, stripeBytes: '64KiB' })).toEqual({
      weights: new Map([
        [0, 3],
        [4, 0.5],
      ]),
      nodes: [0, 4],
      stripeBytes: 65536,
    });
  });

  it('are refused when they make no sense', () => {
    const wrong: [options: object, code: string][] = [
      [{ interleave: 'weighted' }, 'ERR_INVALID_ARG_TYPE'],
      [{ interleave: 3 }, 'ERR_INVALID_ARG_TYPE'],
      [{ interleave: [0, 1] }, 'ERR_INVALID_ARG_TYPE'],
      [{ interleave: {} }, 'ERR_INVALID_ARG_VALUE'],
      [{ interleave: { 0: '3' } }, 'ERR_INVALID_ARG_TYPE'],
      [{ interleave: { 0: 0 } }, 'ERR_INVALID_ARG_VALUE'],
      [{ interleave: { 0: Number.POSITIVE_INFINITY } }, 'ERR_INVALID_ARG_VALUE'],
      [{ interleave: { x: 1 } }, 'ERR_INVALID_ARG_VALUE'],
      [{ interleave: { 0: 1 }, numaNode: [1] }, 'ERR_INVALID_ARG_VALUE'],
      [{ interleave: true, numaNode: 1 }, 'ERR_INVALID_ARG_VALUE'],
      [{ interleave: true, stripeBytes: 1000 }, 'ERR_INVALID_ARG_VALUE'],
      [{ interleave: true, stripeBytes: 2048 }, 'ERR_INVALID_ARG_VALUE'],
      [{ interleave: true, stripeBytes: '4MiB' }, 'ERR_INVALID_ARG_VALUE'],
      [{ stripeBytes: 4096 }, 'ERR_INVALID_ARG_VALUE'],
    ];
    for (const [options, code] of wrong) {
      expect(codeOf(() => interleaveRequest(options as AllocateOptions))).toBe(code);
    }
  });
});

describe('preferred nodes', () => {
  it('are one or several, by number', () => {
    for (const numaNode of [0, 1023, [0], [1, 0, 7]]) checkPlacement({ numaNode });
    for (const numaNode of [-1, 0.5, 1024, '0', [], [0, -1], [0, undefined], [[0]], null]) {
      const check = () => checkPlacement({ numaNode: numaNode as number });
      expect(codeOf(check)).toBe('ERR_INVALID_ARG_VALUE');
    }
  });
});

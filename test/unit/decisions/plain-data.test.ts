import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, unpack } from '../../../lib/decisions/plain-data.ts';

const through = (value: unknown): unknown => unpack(JSON.parse(JSON.stringify(pack(value))));

describe('plain data in a log', () => {
  it('keeps every bit of numbers, also of those that JSON has no word for', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(Object.is(through(value), value)).toBe(true);
      }),
    );
    const odd = [NaN, Infinity, -Infinity, -0, Number.MIN_VALUE];
    const back = through(odd) as number[];
    for (const [i, value] of odd.entries()) expect(Object.is(back[i], value)).toBe(true);
  });

  it('keeps typed arrays of every kind, also those in the middle of a buffer', () => {
    const buffer = new Uint8Array(32).map((_, i) => i * 7).buffer;
    for (const array of [
      new Uint8Array(buffer, 3, 5),
      new Float32Array(buffer, 8, 3),
      new Float64Array(buffer, 8, 2),
      new Uint32Array(0),
      BigInt64Array.of(-1n),
    ]) {
      expect(through({ array })).toStrictEqual({ array });
    }
  });

  it('keeps any nesting of plain values', () => {
    const plain = fc.object({ withNullPrototype: false, maxDepth: 3 });
    fc.assert(
      fc.property(plain, (value) => {
        expect(through({ value })).toEqual({ value });
      }),
    );
    const awkward = { $: 'number', value: 1, __proto__: null, list: [undefined, null, [], {}] };
    expect(through({ ...awkward })).toEqual({ ...awkward });
    const proto = JSON.parse('{"__proto__": 1}');
    expect(Object.keys(through(proto) as object)).toEqual(['__proto__']);
  });

  it('refuses what it could not give back', () => {
    for (const value of [
      new Map(),
      new Date(),
      () => 0,
      1n,
      Symbol('s'),
      new DataView(new ArrayBuffer(1)),
    ]) {
      expect(() => pack({ value })).toThrow(TypeError);
    }
    expect(() => unpack({ $: 'Date' })).toThrow(TypeError);
  });
});

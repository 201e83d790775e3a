import { expect, it } from 'vitest';
import { constructorCode, viewOf } from '../../../lib/memory/data.ts';

it('a view of the largest region has all its elements, whatever their size', () => {
  const byteLength = 2 ** 32;
  const buffer = new ArrayBuffer(byteLength);
  for (const type of [Uint8Array, Uint16Array, Float32Array, Float64Array]) {
    const view = viewOf(constructorCode(type, 'type'), buffer, 0, byteLength);
    expect(view).toHaveProperty('length', byteLength / type.BYTES_PER_ELEMENT);
  }
});

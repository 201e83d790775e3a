import { describe, expect, it } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import { chunkBytes } from '../../../lib/native.ts';
import { damageableStore } from '../../support/damageable-heap.ts';
import { codeOf } from '../../support/outcomes.ts';
import { modelTiers } from '../../support/stores.ts';

const refused = new TierError('ERR_TIER_BUSY', 'no buffer');

describe('an object space whose heap gives no buffer', () => {
  it('gives the run of a large value back, and uses its number again', () => {
    const { heap, store, put } = damageableStore(modelTiers([8]));
    const large = new Uint8Array(3 * chunkBytes).fill(1);
    put(1, large);
    heap.bufferError = refused;
    for (let i = 0; i < 5; i++) {
      expect(codeOf(() => put(2, new Uint8Array(chunkBytes)))).toBe('ERR_TIER_FULL');
      expect(store.space.set.usedBytes(0)).toBe(3 * chunkBytes);
      expect(heap.backendStats(0).mappedBytes).toBe(3 * chunkBytes);
    }
    store.remove(store.find(1));
    expect(codeOf(() => put(2, large))).toBe('ERR_TIER_FULL');
    heap.bufferError = undefined;
    put(3, large);
    put(4, new Uint8Array(chunkBytes));
    expect(store.space.large).toHaveLength(2);
    expect(store.space.large.map((object) => object?.number)).toEqual([0, 1]);
  });

  it('gives the chunk of a slab back', () => {
    const { heap, put } = damageableStore(modelTiers([8]));
    heap.bufferError = refused;
    expect(codeOf(() => put(1, new Uint8Array(100)))).toBe('ERR_TIER_FULL');
    expect(heap.backendStats(0).mappedBytes).toBe(0);
    heap.bufferError = undefined;
    put(1, new Uint8Array(100));
    expect(heap.backendStats(0).mappedBytes).toBe(chunkBytes);
  });
});

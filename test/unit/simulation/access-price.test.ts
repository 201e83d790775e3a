import { expect, test } from 'vitest';
import { accessNs } from '../../../lib/policy/cost-model.ts';
import { AccessPrice } from '../../../lib/simulation/access-price.ts';
import { costs, slow } from './small-tiers.ts';

test('a price is what the cost model says, whatever was asked before', () => {
  const price = new AccessPrice(slow, costs);
  for (const bytes of [40, 40, 64, 4096, 40, 1, 4096]) {
    for (const write of [false, true, false]) {
      expect(price.ns(bytes, write)).toBe(accessNs(slow, bytes, write ? 1 : 0, costs));
    }
  }
});

/** A region's live view against a plain typed array. */

import { TieredMemory } from '../../dist/index.js';
import { sideBySide } from './harness.js';
import { randomStream } from './workload.js';

const baseline = 'plain Float64Array';

/** One table: sequential sum and random reads over `elements` doubles. */
export async function benchRegion({ elements, rounds }) {
  const memory = await TieredMemory.open({
    tiers: [{ name: 'L1_DDR', capacityBytes: elements * 8 + 2 ** 23, kind: 'simulated' }],
  });
  const { view } = memory.allocate(Float64Array, elements);
  const plain = new Float64Array(elements);
  const random = randomStream(1);
  const order = Uint32Array.from({ length: elements }, () => Math.floor(random() * elements));
  for (let i = 0; i < elements; i++) view[i] = plain[i] = i;
  let sink = 0;
  const cases = {
    [baseline]: () => {
      for (let i = 0; i < elements; i++) sink += plain[i] + plain[order[i]];
    },
    'region.view': () => {
      for (let i = 0; i < elements; i++) sink += view[i] + view[order[i]];
    },
  };
  const rows = await sideBySide(cases, { operations: elements, baseline, rounds });
  await memory.close();
  if (!Number.isFinite(sink)) throw new Error('a value read back is not a number');
  return { title: `region view: ${elements} doubles, in order and at random`, baseline, rows };
}

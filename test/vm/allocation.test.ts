/** Memory of every tier lies where it was asked for, by three independent witnesses. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { NativeHeap } from '../../dist/native.js';
import { machine } from './support/machine.ts';
import { bytesOf, MiB, openHeap, pagesPerChunk } from './support/memory.ts';

let heap: NativeHeap;
before(() => {
  heap = openHeap();
});
after(() => heap.close());

describe('a numa backend', () => {
  const nodes = [...machine.ddrNodes, ...machine.hbmNodes, machine.cxlNode, machine.pmemNode];
  for (const node of nodes) {
    it(`puts every page of a run on node ${node}, and reads as zero`, () => {
      const backend = heap.addBackend({ kind: 'numa', node, capacityBytes: 8 * MiB });
      const run = heap.allocate(backend, 2);
      const bytes = bytesOf(heap, run, 2);
      assert.ok(bytes.every((byte) => byte === 0));
      bytes.fill(1);
      assert.deepEqual(heap.placement(run, 2), {
        pagesByNode: { [node]: 2 * pagesPerChunk },
        absentPages: 0,
        errno: 0,
      });
      heap.free(run);
    });
  }
});

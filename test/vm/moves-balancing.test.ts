/** The kernel's NUMA balancing is on in this boot, and leaves alone what was placed on purpose. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { NativeHeap } from '../../dist/memory/heap-binding.js';
import { bytesOf, MiB, openHeap } from './support/memory.ts';
import { allPlaces, assertPlacement } from './support/places.ts';
import { vmstat } from './support/vmstat.ts';

let heap: NativeHeap;
before(() => {
  heap = openHeap();
});
after(() => heap.close());

describe('pages that the CPU uses all the time from afar', () => {
  it('stay where they were put while the kernel looks for others to move', async () => {
    assert.equal(readFileSync('/proc/sys/kernel/numa_balancing', 'utf8').trim(), '1');
    const places = allPlaces().filter(({ node }) => node !== undefined);
    const runs = places.map((place) => heap.allocate(heap.addBackend(place.config), 1));
    const views = runs.map((run) => bytesOf(heap, run, 1));
    // Memory that nobody placed: the kernel takes its mappings away for an instant to see who uses it.
    const ordinary = Buffer.alloc(16 * MiB, 1);
    const faults = vmstat('numa_hint_faults');
    const deadline = Date.now() + 60_000;
    while (vmstat('numa_hint_faults') < faults + 1000) {
      assert.ok(Date.now() < deadline, 'NUMA balancing does not work here');
      for (let at = 0; at < ordinary.length; at += 4096) ordinary[at]++;
      for (const view of views) for (let at = 0; at < view.length; at += 65_536) view[at]++;
    }
    for (const [i, place] of places.entries()) assertPlacement(heap, runs[i], 1, place);

    // Moves work beside it.
    const [first, last] = [places[0], places[places.length - 1]];
    const target = heap.backendOf(runs[places.length - 1]);
    assert.equal((await heap.movePages(runs[0], 1, target)).applied, 1, first.name);
    assertPlacement(heap, runs[0], 1, last);
  });
});

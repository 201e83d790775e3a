/** A page that fails costs the bytes on it, and nothing else: on every kind of memory. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TieredMemory } from '../../dist/index.js';
import type { NativeHeap } from '../../dist/memory/heap-binding.js';
import { chunkBytes } from '../../dist/native.js';
import { machine } from './support/machine.ts';
import { bytesOf, MiB, openHeap, pattern } from './support/memory.ts';
import { poisonPageOf } from './support/poison.ts';

const capacityBytes = 16 * MiB;
const numa = (node: number) => ({ kind: 'numa', node, capacityBytes }) as const;

/** Where a page fails, what is lost with it, and whether the medium may still be bad. */
const places = [
  { name: 'DDR', backend: numa(machine.ddrNodes[0]), lostBytes: [4096], medium: false },
  { name: 'HBM', backend: numa(machine.hbmNodes[0]), lostBytes: [4096], medium: false },
  { name: 'CXL', backend: numa(machine.cxlNode), lostBytes: [4096], medium: false },
  { name: 'PMEM as a node', backend: numa(machine.pmemNode), lostBytes: [4096], medium: false },
  {
    name: 'fsdax',
    backend: { kind: 'file', directory: machine.pmemDirectory, dax: true, capacityBytes },
    // The kernel loses what it maps as one: 2 MiB where the file's blocks allow it.
    lostBytes: [4096, chunkBytes],
    medium: true,
  },
  {
    name: 'devdax',
    backend: { kind: 'dax', path: machine.pmemDevdax, capacityBytes },
    lostBytes: [chunkBytes],
    medium: true,
  },
  {
    name: 'the page cache of NVMe',
    backend: { kind: 'file', directory: machine.nvmeDirectory, capacityBytes },
    lostBytes: [4096],
    medium: true,
  },
] as const;

describe('a poisoned page', () => {
  let heap: NativeHeap;
  before(() => {
    heap = openHeap();
  });
  after(() => heap.close());

  places.forEach(({ name, backend, lostBytes, medium }, index) => {
    it(`on ${name} reads as zero, is named, and takes nothing else with it`, () => {
      const from = heap.addBackend(backend);
      const elsewhere = heap.addBackend(numa(machine.ddrNodes[1]));
      const run = heap.allocate(from, 3);
      const bytes = bytesOf(heap, run, 3);
      const content = pattern(1000 + index, 3 * chunkBytes);
      bytes.set(content);
      const page = chunkBytes + 5 * 4096;
      const before = heap.damageCount[0];

      poisonPageOf(content.subarray(page, page + 64));
      assert.equal(bytes[page], 0);

      assert.ok(heap.damageCount[0] > before, 'the counter moved');
      const ranges = heap.damagedRanges().filter(({ chunk }) => chunk >= run && chunk < run + 3);
      assert.equal(ranges.length, 1);
      const [{ chunk, byteOffset, byteLength, cause }] = ranges;
      assert.equal(cause, 'poison');
      assert.ok((lostBytes as readonly number[]).includes(byteLength), `${byteLength} bytes lost`);
      const start = page - (page % byteLength);
      assert.equal((chunk - run) * chunkBytes + byteOffset, start);
      const expected = Buffer.from(content);
      expected.fill(0, start, start + byteLength);
      assert.equal(Buffer.compare(Buffer.from(bytes.buffer), expected), 0, 'the rest is intact');

      assert.throws(() => heap.rebackChunk(run + 1, elsewhere), { code: 'ERR_TIER_LOST' });
      assert.equal(heap.backendOf(run + 1), from);
      assert.equal(heap.rebackChunk(run, elsewhere).applied, 1);
      heap.free(run);
      assert.equal(heap.backendStats(from).retiredChunks, medium ? 1 : 0);
      assert.deepEqual(heap.damagedRanges(), []);
    });
  });
});

describe('stored data on a poisoned page', () => {
  for (const [tierHint, tier] of [
    ['L1_DDR', { name: 'L1_DDR', backends: [numa(machine.ddrNodes[0])] }],
    ['L3_PMEM', { name: 'L3_PMEM', devicePath: machine.pmemDevdax, capacityBytes: '16MiB' }],
  ] as const) {
    it(`on ${tierHint} is an error of that value, until it is written again`, async () => {
      const memory = await TieredMemory.open({ tiers: [tier], background: false });
      const values = new Map<string, Buffer>();
      for (let i = 0; i < 40; i++) {
        const value = pattern(5000 + i, 256 * 1024);
        values.set(`value ${i}`, value);
        memory.storeSync(value, { key: `value ${i}`, tierHint });
      }
      const victim = 'value 7';
      poisonPageOf(pageStartIn(values.get(victim) as Buffer, memory, victim));

      const lost: string[] = [];
      for (const [key, value] of values) {
        try {
          assert.equal(Buffer.compare(memory.get<Buffer>(key)!.read(), value), 0, key);
        } catch (error) {
          assert.equal((error as { code: string }).code, 'ERR_TIER_LOST', key);
          lost.push(key);
        }
      }
      assert.ok(lost.includes(victim));
      // 2 MiB of a dax device hold at most nine such values, in whole or in part.
      assert.ok(lost.length <= (tierHint === 'L1_DDR' ? 1 : 9), lost.join());
      assert.equal(memory.stats().damage.lostUnits, lost.length);
      for (const key of lost) {
        memory.storeSync(values.get(key) as Buffer, { key, tierHint });
        assert.equal(Buffer.compare(memory.get<Buffer>(key)!.read(), values.get(key)!), 0, key);
      }
      assert.equal(memory.stats().damage.lostUnits, 0);
      await memory.close();
    });
  }
});

/** The first whole page of a value, as a mark to find it by. */
function pageStartIn(value: Buffer, memory: TieredMemory, key: string): Buffer {
  const view = memory.get<Buffer>(key)!.borrow();
  const skip = (4096 - (view.byteOffset % 4096)) % 4096;
  return value.subarray(skip, skip + 64);
}

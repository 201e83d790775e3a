/** Memory of every backend lies where it was asked for, by three witnesses: move_pages, numa_maps and smaps. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BackendConfig } from '../../dist/index.js';
import type { NativeHeap, Placement } from '../../dist/memory/heap-binding.js';
import { machine } from './support/machine.ts';
import { type Mapping, writableMapping } from './support/mappings.ts';
import { bytesOf, MiB, openHeap, pagesPerChunk, pattern } from './support/memory.ts';

/** An odd number of chunks, so that no other mapping of the process has this size. */
const chunks = 3;
const bytes = chunks * 2 * MiB;
const pages = chunks * pagesPerChunk;
const zeros = Buffer.alloc(bytes);
const data = pattern(1, bytes);

let heap: NativeHeap;
before(() => {
  heap = openHeap();
});
after(() => heap.close());

/** Omit does not distribute over a union by itself. */
type Unsized<T> = T extends unknown ? Omit<T, 'capacityBytes'> : never;

/** Fills a run of the backend, shows it to `check`, gives it back; the next one has nothing of it. */
function withRun(
  config: Unsized<BackendConfig>,
  check: (placement: Placement, mapping: Mapping, note: string) => void,
  rounds = 2,
): void {
  const backend = heap.addBackend({ ...config, capacityBytes: bytes } as BackendConfig);
  for (let round = 0; round < rounds; round++) {
    const run = heap.allocate(backend, chunks);
    try {
      const content = bytesOf(heap, run, chunks);
      assert.ok(zeros.equals(content), 'a run begins as zeros');
      content.set(data);
      assert.ok(data.equals(content));
      check(heap.placement(run, chunks), writableMapping(bytes), heap.backendStats(backend).note);
    } finally {
      heap.free(run);
    }
  }
  const { mappedBytes, unverifiedChunks, refusedAllocations } = heap.backendStats(backend);
  assert.deepEqual([mappedBytes, unverifiedChunks, refusedAllocations], [0, 0, 0]);
}

/** Anonymous memory, all there, all on the node. */
function assertOnNode(node: number, placement: Placement, mapping: Mapping): void {
  assert.deepEqual(placement, { pagesByNode: { [node]: pages }, absentPages: 0, errno: 0 });
  assert.deepEqual(mapping.pagesByNode, { [node]: pages });
  assert.equal(mapping.path, '');
  const { Rss, Anonymous, Swap } = mapping.kB;
  assert.deepEqual([Rss, Anonymous, Swap], [bytes / 1024, bytes / 1024, 0]);
}

/** Pages of no node: device memory that is mapped directly. */
function assertOnDevice(placement: Placement, mapping: Mapping): void {
  assert.deepEqual(placement, { pagesByNode: {}, absentPages: pages, errno: 0 });
  assert.deepEqual(mapping.pagesByNode, {});
  assert.equal(mapping.permissions, 'rw-s');
  assert.equal(mapping.kB.Anonymous, 0);
}

describe('a numa backend', () => {
  const nodes = [...machine.ddrNodes, ...machine.hbmNodes, machine.cxlNode, machine.pmemNode];
  for (const node of nodes) {
    it(`puts every page of a run on node ${node}`, () => {
      const check = (placement: Placement, mapping: Mapping): void => {
        assertOnNode(node, placement, mapping);
        assert.equal(mapping.policy, `prefer:${node}`);
        // Nothing else uses the nodes without CPUs, so that whole huge pages are to be had there.
        if (!machine.ddrNodes.includes(node)) assert.equal(mapping.kB.AnonHugePages, bytes / 1024);
      };
      // Emulated CXL memory moves some MB/s.
      withRun({ kind: 'numa', node }, check, node === machine.cxlNode ? 1 : 2);
    });
  }
});

describe('a simulated backend', () => {
  it('takes memory without a policy from the node of the CPU', () => {
    withRun({ kind: 'simulated' }, ({ pagesByNode }, mapping) => {
      assert.equal(mapping.policy, 'default');
      const node = Number(Object.keys(pagesByNode)[0]);
      assert.ok(machine.ddrNodes.includes(node));
      const placement = { pagesByNode, absentPages: 0, errno: 0 };
      assertOnNode(node, placement, mapping);
    });
  });

  it('is bound to the node it is given', () => {
    const [, node] = machine.ddrNodes;
    withRun({ kind: 'simulated', node }, (placement, mapping) => {
      assertOnNode(node, placement, mapping);
      assert.equal(mapping.policy, `prefer:${node}`);
    });
  });
});

describe('a file backend', () => {
  it('maps fsdax directly and synchronously', () => {
    const directory = machine.pmemDirectory;
    withRun({ kind: 'file', directory, dax: true }, (placement, mapping, note) => {
      assertOnDevice(placement, mapping);
      assert.ok(mapping.path.startsWith(`${directory}/`), mapping.path);
      assert.ok(mapping.flags.includes('sf'), mapping.flags.join());
      assert.equal(note, 'mapped with MAP_SYNC');
    });
  });

  it('is page cache on an NVMe drive', () => {
    const directory = machine.nvmeDirectory;
    withRun({ kind: 'file', directory }, ({ pagesByNode, absentPages }, mapping) => {
      assert.equal(absentPages, 0);
      assert.deepEqual(mapping.pagesByNode, pagesByNode);
      assert.ok(mapping.path.startsWith(`${directory}/`), mapping.path);
      assert.deepEqual([mapping.kB.Rss, mapping.kB.Anonymous], [bytes / 1024, 0]);
      assert.ok(!mapping.flags.includes('sf'));
    });
  });

  it('says so when a directory cannot be mapped synchronously, and holds data all the same', () => {
    const directory = machine.nvmeDirectory;
    withRun({ kind: 'file', directory, dax: true }, (_, mapping, note) => {
      assert.ok(!mapping.flags.includes('sf'));
      assert.match(note, /^mapped without MAP_SYNC/);
    });
  });
});

describe('a dax backend', () => {
  it('maps the device in huge pages', () => {
    const path = machine.pmemDevdax;
    withRun({ kind: 'dax', path }, (placement, mapping) => {
      assertOnDevice(placement, mapping);
      assert.equal(mapping.path, path);
      assert.deepEqual([mapping.kB.KernelPageSize, mapping.kB.MMUPageSize], [2048, 2048]);
    });
  });
});

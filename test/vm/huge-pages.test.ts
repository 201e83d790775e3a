/** Chunks are huge pages, stay huge when they move, and move all the same where no huge page is to be had. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeHeap } from '../../dist/memory/heap-binding.js';
import { chunkBytes } from '../../dist/native.js';
import { hugeBytesOn } from './support/huge-pages.ts';
import { machine } from './support/machine.ts';
import { bytesOf, MiB, openHeap, pagesPerChunk, pattern } from './support/memory.ts';
import { vmstat } from './support/vmstat.ts';

const nodes = [...machine.ddrNodes, ...machine.hbmNodes, machine.cxlNode, machine.pmemNode];
const [home] = nodes;
let heap: NativeHeap;
const backends = new Map<number, number>();
before(() => {
  heap = openHeap();
  for (const node of nodes) {
    backends.set(node, heap.addBackend({ kind: 'numa', node, capacityBytes: 512 * MiB }));
  }
});
after(() => heap.close());

const on = (node: number): number => backends.get(node) as number;
const wholly = (node: number, chunks: number) => ({
  pagesByNode: { [node]: chunks * pagesPerChunk },
  absentPages: 0,
  errno: 0,
});

describe('a run', () => {
  for (const node of nodes) {
    it(`is made of huge pages on node ${node}, moved there from another too`, async () => {
      const chunks = 2;
      const born = heap.allocate(on(node), chunks);
      assert.equal(hugeBytesOn(node), chunks * chunkBytes);
      heap.free(born);
      assert.equal(hugeBytesOn(node), 0);

      const from = node === home ? nodes[1] : home;
      const moved = heap.allocate(on(from), chunks);
      const bytes = pattern(node, chunks * chunkBytes);
      bytesOf(heap, moved, chunks).set(bytes);
      const split = vmstat('thp_split_page');
      const whole = vmstat('thp_migration_success');
      const { applied, copiedBytes } = await heap.movePages(moved, chunks, on(node));
      assert.deepEqual([applied, copiedBytes], [chunks, chunks * chunkBytes]);
      assert.equal(hugeBytesOn(from), 0);
      assert.equal(hugeBytesOn(node), chunks * chunkBytes);
      assert.equal(vmstat('thp_split_page'), split);
      assert.equal(vmstat('thp_migration_success'), whole + chunks);
      assert.ok(bytes.equals(bytesOf(heap, moved, chunks)));
      heap.free(moved);
    });
  }

  it('that is copied to another backing is huge there', () => {
    const chunk = heap.allocate(on(home), 1);
    heap.rebackChunk(chunk, on(nodes[1]));
    assert.equal(hugeBytesOn(nodes[1]), chunkBytes);
    heap.free(chunk);
  });
});

describe('a node whose memory is page cache', () => {
  const [, node] = machine.hbmNodes;
  const file = join(machine.nvmeDirectory, 'cached');
  const freeBytes = (): number => {
    const text = readFileSync(`/sys/devices/system/node/node${node}/meminfo`, 'utf8');
    return Number(/MemFree:\s+(\d+) kB/.exec(text)?.[1]) * 1024;
  };
  const chunks = 16;
  let ballast: number[] = [];

  before(() => {
    // Runs take what the tests do not need, so that little has to be read.
    ballast = Array.from({ length: 20 }, () => heap.allocate(on(node), 4));
    const write = `if=/dev/zero of=${file} bs=1M count=96 oflag=direct`;
    execFileSync('dd', write.split(' '), { stdio: 'ignore' });
  });
  after(() => {
    for (const run of ballast) heap.free(run);
    rmSync(file);
  });

  /** Reads the file by a process that has no other node to put its pages on. */
  function fillWithCache(): void {
    const read = `--membind=${node} dd if=${file} of=/dev/null bs=1M`;
    execFileSync('numactl', read.split(' '), { stdio: 'ignore' });
    assert.ok(freeBytes() < 32 * MiB, `${freeBytes()} bytes are free`);
  }

  /** Moves what is not there yet until all is; the kernel, busy making room, may need asking more than once. */
  async function moveAll(run: number): Promise<void> {
    let copied = 0;
    for (let tries = 0; copied < chunks * chunkBytes; tries++) {
      assert.ok(tries < 10, 'the chunks do not get there');
      for (let i = 0; i < chunks; i++) {
        if (heap.backendOf(run + i) === on(node)) continue;
        const { applied, failed, copiedBytes, reasons } = await heap.movePages(
          run + i,
          1,
          on(node),
        );
        assert.equal(applied + failed, 1);
        assert.match(Object.keys(reasons).join(), failed === 0 ? /^$/ : /^(EAGAIN|EBUSY)$/);
        copied += copiedBytes;
      }
    }
  }

  /** As `moveAll`, again and again until the kernel did not find huge pages for all of it and split some. */
  async function moveSplit(run: number): Promise<void> {
    for (let tries = 0; tries < 5; tries++) {
      fillWithCache();
      const split = vmstat('thp_migration_split');
      await moveAll(run);
      if (vmstat('thp_migration_split') > split) return;
      await heap.movePages(run, chunks, on(home));
    }
    assert.fail('the node has huge pages however full it is');
  }

  /** Pages that the kernel moves about to make room are nowhere for a moment. */
  async function assertOnNode(run: number): Promise<void> {
    for (let tries = 0; tries < 40 && heap.placement(run, chunks).absentPages > 0; tries++) {
      await sleep(50);
    }
    assert.deepEqual(heap.placement(run, chunks), wholly(node, chunks));
    assert.equal(heap.backendStats(on(node)).unverifiedChunks, 0);
  }

  it('takes every chunk that is moved to it, in small pages where it has no huge ones', async () => {
    const killed = vmstat('oom_kill');
    const run = heap.allocate(on(home), chunks);
    const bytes = pattern(3, chunks * chunkBytes);
    bytesOf(heap, run, chunks).set(bytes);
    assert.equal(hugeBytesOn(home), chunks * chunkBytes);
    await moveSplit(run);
    assert.ok(hugeBytesOn(node) < (ballast.length * 4 + chunks) * chunkBytes);
    await assertOnNode(run);
    assert.ok(bytes.equals(bytesOf(heap, run, chunks)));
    assert.equal(vmstat('oom_kill'), killed);
    heap.free(run);
  });

  it('takes every chunk that is copied to it', async () => {
    const run = heap.allocate(on(home), chunks);
    const bytes = pattern(4, chunks * chunkBytes);
    bytesOf(heap, run, chunks).set(bytes);
    fillWithCache();
    for (let i = 0; i < chunks; i++) {
      assert.equal(heap.rebackChunk(run + i, on(node)).applied, 1);
    }
    await assertOnNode(run);
    assert.ok(bytes.equals(bytesOf(heap, run, chunks)));
    heap.free(run);
  });

  it('has every page of a chunk that is moved to it, pages of zeros too', async () => {
    const run = heap.allocate(on(home), chunks);
    const bytes = bytesOf(heap, run, chunks);
    // A huge page that is split gives up the parts that are zero (Linux 6.12), here three quarters of it.
    for (let at = 8192; at < bytes.length; at += 16_384) bytes[at] = 1;
    await moveSplit(run);
    await assertOnNode(run);
    heap.free(run);
  });
});

/** A node, device or disk that is full is an error with a code: never the OOM killer, never SIGBUS, nothing lost. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type BackendConfig, type TierError, TieredMemory } from '../../dist/index.js';
import type { NativeHeap } from '../../dist/memory/heap-binding.js';
import { machine } from './support/machine.ts';
import { bytesOf, MiB, openHeap, pagesPerChunk, pattern } from './support/memory.ts';

const chunksPerRun = 3;
const GiB = 1024 * MiB;

const oomKills = (): number =>
  Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))![1]);

/** Bytes of a line of a node's meminfo. */
function meminfo(node: number, key: string): number {
  const text = readFileSync(`/sys/devices/system/node/node${node}/meminfo`, 'utf8');
  return Number(new RegExp(` ${key}: +(\\d+) kB`).exec(text)![1]) * 1024;
}

let heap: NativeHeap;
let kills: number;
beforeEach(() => {
  heap = openHeap();
  kills = oomKills();
});
afterEach(() => {
  heap.close();
  assert.equal(oomKills(), kills);
});

/** Takes runs until there are no more, each marked with its number at both ends. */
function fill(backend: number, chunks: number): { runs: number[]; error: TierError } {
  const runs: number[] = [];
  for (;;) {
    try {
      const run = heap.allocate(backend, chunks);
      const bytes = bytesOf(heap, run, chunks);
      bytes[0] = bytes[bytes.length - 1] = runs.length & 255;
      runs.push(run);
    } catch (error) {
      return { runs, error: error as TierError };
    }
  }
}

function assertKept(runs: readonly number[], chunks: number): void {
  for (const [index, run] of runs.entries()) {
    const bytes = bytesOf(heap, run, chunks);
    assert.deepEqual([bytes[0], bytes[bytes.length - 1]], [index & 255, index & 255]);
  }
}

/** Fills a node: an error, every page in its place, and room again for what is given back. */
function fillNode(node: number, chunks: number): number {
  const backend = heap.addBackend({ kind: 'numa', node, capacityBytes: 4 * GiB });
  const { runs, error } = fill(backend, chunks);
  assert.equal(error.code, 'ERR_TIER_FULL');
  assert.match(error.message, new RegExp(`^node ${node}, `));
  assertKept(runs, chunks);
  for (const run of runs) {
    const placement = heap.placement(run, chunks);
    assert.deepEqual(
      placement.pagesByNode,
      { [node]: chunks * pagesPerChunk },
      JSON.stringify(placement),
    );
  }
  const given = runs.length * chunks * 2 * MiB;
  // The kernel keeps a reserve of its own, so one run's room may not do for one run.
  for (const run of runs.splice(-3)) heap.free(run);
  heap.free(heap.allocate(backend, chunks));
  return given;
}

describe('a node that is full', () => {
  it('refuses HBM with an error after most of it was given', () => {
    const [node] = machine.hbmNodes;
    const free = meminfo(node, 'MemFree');
    const given = fillNode(node, chunksPerRun);
    assert.ok(given > 0.85 * free && given < free, `${given} of ${free}`);
  });

  it('refuses CXL memory with an error', () => {
    const node = machine.cxlNode;
    // Emulated CXL memory is slow to fill: all but one of its memory blocks are taken offline.
    const blocks = readdirSync(`/sys/devices/system/node/node${node}`)
      .filter((name) => /^memory\d+$/.test(name))
      .slice(1);
    const setBlocks = (state: string): void => {
      for (const block of blocks) writeFileSync(`/sys/devices/system/memory/${block}/state`, state);
    };
    setBlocks('offline');
    try {
      const free = meminfo(node, 'MemFree');
      assert.ok(free <= 128 * MiB, `${free}`);
      const given = fillNode(node, 1);
      assert.ok(given > 0.85 * free && given < free, `${given} of ${free}`);
    } finally {
      setBlocks('online_movable');
    }
  });

  it('of page cache gives most of itself to runs all the same, every page in its place', () => {
    const [, node] = machine.hbmNodes;
    const file = `${machine.nvmeDirectory}/cached`;
    try {
      const free = meminfo(node, 'MemFree');
      execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', 'count=220', 'oflag=direct'], {
        stdio: 'ignore',
      });
      // Clean pages: what is dirty has to be written first, and a reader bound to one node would not wait.
      execFileSync('numactl', [`--membind=${node}`, 'cat', file], { stdio: 'ignore' });
      assert.ok(meminfo(node, 'FilePages') > 0.75 * free, 'the cache is on the node');
      assert.ok(meminfo(node, 'MemFree') < 0.25 * free);
      const given = fillNode(node, chunksPerRun);
      assert.ok(given > 0.6 * free, `${given} of ${free}`);
    } finally {
      rmSync(file, { force: true });
    }
  });
});

describe('a budget', () => {
  it('is never exceeded by the tiers of a memory, and what is stored stays right', async () => {
    const tiers = (['L0_HBM', 'L1_DDR', 'L3_PMEM'] as const).map((name) => ({
      name,
      capacityBytes: 4 * MiB,
    }));
    await using memory = await TieredMemory.open({ background: false, tiers });
    const sizes = [400_000, 1_000_000, 60_000, 1_900_000];
    const data = sizes.map((size, seed) => pattern(seed, size));
    let stored = 0;
    await assert.rejects(
      async () => {
        for (; ; stored++) {
          await memory.store(data[stored % 4], { key: stored, tierHint: 'L0_HBM' });
          for (const { usedBytes, capacityBytes } of memory.stats().tiers) {
            assert.ok(usedBytes <= capacityBytes);
          }
        }
      },
      { code: 'ERR_TIER_FULL' },
    );
    assert.ok(stored >= 8, `${stored}`);
    for (let key = 0; key < stored; key++) {
      assert.ok(data[key % 4].equals(memory.get<Buffer>(key)!.read()));
    }
    const { tiers: used } = memory.stats();
    assert.ok(used.every(({ liveBytes }) => liveBytes > 2 * MiB));
  });
});

describe('storage that is full', () => {
  /** What is free for root, who may use the reserve of a file system. */
  const freeBytes = (directory: string): number => {
    const { bfree, bsize } = statfsSync(directory);
    return bfree * bsize;
  };
  const storages: readonly (readonly [string, BackendConfig])[] = [
    [
      'fsdax',
      { kind: 'file', directory: machine.pmemDirectory, dax: true, capacityBytes: 4 * GiB },
    ],
    ['an NVMe drive', { kind: 'file', directory: machine.nvmeDirectory, capacityBytes: 4 * GiB }],
    ['a dax device', { kind: 'dax', path: machine.pmemDevdax, capacityBytes: 4 * GiB }],
  ];
  for (const [name, config] of storages) {
    it(`refuses ${name} with an error, and keeps what was written before`, () => {
      const room = config.kind === 'file' ? freeBytes(config.directory) : 126 * MiB;
      const backend = heap.addBackend(config);
      const { runs, error } = fill(backend, 1);
      assert.equal(error.code, 'ERR_TIER_FULL');
      if (config.kind === 'file') assert.equal(error.errno, 28, 'ENOSPC');
      const given = runs.length * 2 * MiB;
      assert.ok(given > room - 16 * MiB && given <= room, `${given} of ${room}`);
      assertKept(runs, 1);
      heap.free(runs.pop()!);
      heap.free(heap.allocate(backend, 1));
    });
  }

  it('by somebody else is ERR_TIER_FULL to a memory, which goes on when there is room again', async () => {
    const directory = machine.nvmeDirectory;
    await using memory = await TieredMemory.open({
      background: false,
      directory,
      tiers: [{ name: 'L4_NVME', capacityBytes: '64MiB' }],
    });
    const data = pattern(1, 1_500_000);
    const others = `${directory}/others`;
    let stored = 0;
    const storeOn = async () => {
      for (; stored < 30; stored++) await memory.store(data, { key: stored });
    };
    try {
      execFileSync('fallocate', ['-l', String(freeBytes(directory) - 24 * MiB), others]);
      await assert.rejects(storeOn, { code: 'ERR_TIER_FULL' });
      assert.ok(stored > 1 && stored < 12, `${stored}`);
    } finally {
      rmSync(others, { force: true });
    }
    await storeOn();
    for (let key = 0; key < 30; key++) assert.ok(data.equals(memory.get<Buffer>(key)!.read()));
  });
});

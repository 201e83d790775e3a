/**
 * Every kind of memory that the memkind plugin offers: where its pages lie, and what is said where memkind's
 * idea of a kind is not the tier's. Runs where both sockets have HBM and where only one has.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type BackendConfig, type TierError, TieredMemory } from '../../dist/index.js';
import { machine } from './support/machine.ts';
import type { MemkindReport, MemkindRequest } from './support/memkind-report.ts';
import { MiB, pagesPerChunk, pattern } from './support/memory.ts';

const program = join(import.meta.dirname, 'support/memkind-report.js');

const requests = [
  ['HBW'],
  ['DAX_KMEM'],
  ['HIGHEST_CAPACITY'],
  ['PMEM', machine.pmemDirectory],
  ['PMEM', '/nowhere'],
] as const satisfies readonly MemkindRequest[];

/** What a process on one socket gets of each kind, with variables for memkind. */
function reports(socket: 0 | 1, variables = {}) {
  const args = [`--cpunodebind=${socket}`, process.execPath, program, JSON.stringify(requests)];
  const env = { ...process.env, ...variables };
  const printed = execFileSync('numactl', args, { encoding: 'utf8', env });
  const [hbw, daxKmem, highestCapacity, pmem, nowhere]: readonly MemkindReport[] =
    JSON.parse(printed);
  return { hbw, daxKmem, highestCapacity, pmem, nowhere };
}

/** All of a run lies on the node, says move_pages; the kernel's list of mappings has them there too. */
function assertOn(node: number, { error, placement, boundPages, stats }: MemkindReport): void {
  assert.equal(error, undefined);
  assert.deepEqual(placement, {
    pagesByNode: { [node]: pagesPerChunk },
    absentPages: 0,
    errno: 0,
  });
  assert.ok(boundPages[node] >= pagesPerChunk, JSON.stringify(boundPages));
  assert.equal(stats.fixedAddress, false);
  // memkind does not tell the node it prefers, so nobody promises one.
  assert.equal(stats.unverifiedChunks, 1);
  assert.match(stats.note, /^memkind 1\.\d+\.\d+, preferring its nodes/);
}

const { pmemNode, cxlNode, hbmNodes } = machine;
const near = reports(0);
const far = reports(1);
const told = reports(1, {
  MEMKIND_HBW_NODES: String(hbmNodes[0]),
  MEMKIND_DAX_KMEM_NODES: String(pmemNode),
});

describe('memkind HBW', () => {
  if (hbmNodes.length === 2) {
    it('is the HBM of the socket that the program runs on', () => {
      assertOn(hbmNodes[0], near.hbw);
      assertOn(hbmNodes[1], far.hbw);
    });
  } else {
    it('is not found where one socket has none, and the error says what helps', () => {
      const { error } = near.hbw;
      assert.equal(error?.code, 'ERR_TIER_UNAVAILABLE');
      assert.match(
        error.message,
        /memory type is not available; MEMKIND_HBW_NODES can name the nodes/,
      );
    });
  }

  it('is what MEMKIND_HBW_NODES says', () => {
    assertOn(hbmNodes[0], told.hbw);
  });
});

describe('memkind DAX_KMEM', () => {
  it('is PMEM from the near socket, but CXL from the other one, which is nearer by SLIT', () => {
    assertOn(pmemNode, near.daxKmem);
    assertOn(cxlNode, far.daxKmem);
  });

  it('is PMEM from everywhere with MEMKIND_DAX_KMEM_NODES', () => {
    assertOn(pmemNode, told.daxKmem);
  });
});

describe('memkind HIGHEST_CAPACITY', () => {
  it('is the largest node from either socket', () => {
    assertOn(0, far.highestCapacity);
  });
});

describe('memkind PMEM', () => {
  it('is on no node in an fsdax directory: the pages are the persistent memory', () => {
    const { placement, stats } = near.pmem;
    assert.deepEqual(placement, { pagesByNode: {}, absentPages: pagesPerChunk, errno: 0 });
    assert.equal(stats.unverifiedChunks, 0);
  });

  it('fails in a directory that is not there, and names it', () => {
    const { error } = near.nowhere;
    assert.deepEqual([error?.code, error?.errno], ['ERR_TIER_UNAVAILABLE', 2]);
    assert.match(error?.message ?? '', /directory \/nowhere: .*No such file or directory/);
  });
});

describe('tiers of memkind', () => {
  const capacityBytes = 8 * MiB;
  const kind = 'memkind';
  const tiers = (pmem: BackendConfig) => [
    { name: 'L1_DDR' as const, capacityBytes },
    { name: 'L3_PMEM' as const, backends: [pmem] },
  ];

  it('keep data, and give up small objects when they are hot', async () => {
    const directory = machine.pmemDirectory;
    const backend = { kind, memkind: 'PMEM', directory, capacityBytes } as const;
    await using memory = await TieredMemory.open({ background: false, tiers: tiers(backend) });
    assert.deepEqual(
      memory.tiers.map(({ kind }) => kind),
      ['real', 'real'],
    );
    assert.deepEqual(memory.limits, []);
    for (let i = 0; i < 60; i++) {
      const handle = await memory.store(pattern(i, 4000), { key: i, tierHint: 'L3_PMEM' });
      assert.equal(handle.tier, 'L3_PMEM');
    }
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 60; i += 6) memory.get(i)!.borrow();
    }
    await memory.optimizePlacement();
    assert.equal(memory.get(0)!.tier, 'L1_DDR');
    assert.equal(memory.get(1)!.tier, 'L3_PMEM');
    for (let i = 0; i < 60; i++) assert.ok(pattern(i, 4000).equals(memory.get<Buffer>(i)!.read()));
  });

  it('say that DAX_KMEM may be CXL, and how to keep it to PMEM', async () => {
    const backend = { kind, memkind: 'DAX_KMEM', capacityBytes } as const;
    await using memory = await TieredMemory.open({ background: false, tiers: tiers(backend) });
    const [limit, ...others] = memory.limits;
    assert.deepEqual(others, []);
    assert.equal(limit.what, 'L3_PMEM may lie on other memory');
    assert.match(
      limit.reason,
      new RegExp(`nodes ${pmemNode} \\(L3_PMEM\\), ${cxlNode} \\(L2_CXL\\)`),
    );
    assert.match(limit.hint, new RegExp(`MEMKIND_DAX_KMEM_NODES=${pmemNode} `));
  });

  it('say when a PMEM directory is on a drive', async () => {
    const directory = machine.nvmeDirectory;
    const backend = { kind, memkind: 'PMEM', directory, capacityBytes } as const;
    await using memory = await TieredMemory.open({ background: false, tiers: tiers(backend) });
    assert.equal(memory.limits[0]?.what, 'L3_PMEM is not on persistent memory');
    assert.match(memory.limits[0].reason, /is on nvme0n1 \(NVMe drive, ext4\)/);
  });

  it('refuse to open in a directory that is not there, with its name and a hint', async () => {
    const backend = { kind, memkind: 'PMEM', directory: '/nowhere', capacityBytes } as const;
    await assert.rejects(
      TieredMemory.open({ background: false, tiers: tiers(backend) }),
      (error: TierError) => {
        assert.equal(error.code, 'ERR_TIER_UNAVAILABLE');
        assert.match(error.message, /"\/nowhere"/);
        assert.match(error.hint ?? '', /Create the directory/);
        return true;
      },
    );
  });
});

/** A memory over all five real tiers, and what the kernel says about where it lies. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type MemoryStats, type OpenOptions, TieredMemory } from '../../../dist/index.js';
import { chunkBytes } from '../../../dist/native.js';
import { machine } from './machine.ts';
import { mappedPages } from './memory.ts';

/** What L3_PMEM can be made of. */
export const pmemForms = ['kmem', 'fsdax', 'devdax', 'mixed'] as const;

/** One of {@link pmemForms}. */
export type PmemForm = (typeof pmemForms)[number];

type Backends = NonNullable<NonNullable<OpenOptions['tiers']>[number]['backends']>;

function pmemBackends(form: PmemForm, capacityBytes: number): Backends {
  const kmem = { kind: 'numa', node: machine.pmemNode, capacityBytes } as const;
  const fsdax = {
    kind: 'file',
    directory: machine.pmemDirectory,
    dax: true,
    capacityBytes,
  } as const;
  const devdax = { kind: 'dax', path: machine.pmemDevdax, capacityBytes } as const;
  if (form !== 'mixed') return [{ kmem, fsdax, devdax }[form]];
  const part = capacityBytes / 4;
  return [{ ...kmem, capacityBytes: part }, { ...fsdax, capacityBytes: part }, devdax];
}

/** Opens it: HBM of both sockets, DDR of both, CXL, PMEM in that form, NVMe. `bytes`: of each tier's backends. */
export function openFiveTiers(
  form: PmemForm,
  bytes: readonly [hbm: number, ddr: number, cxl: number, pmem: number, nvme: number],
  options: OpenOptions = {},
): Promise<TieredMemory> {
  const numa = (nodes: readonly number[], capacityBytes: number): Backends =>
    nodes.map((node) => ({ kind: 'numa', node, capacityBytes }));
  const [hbm, ddr, cxl, pmem, nvme] = bytes;
  return TieredMemory.open({
    background: false,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    tiers: [
      { name: 'L0_HBM', backends: numa(machine.hbmNodes, hbm) },
      { name: 'L1_DDR', backends: numa(machine.ddrNodes, ddr) },
      { name: 'L2_CXL', backends: numa([machine.cxlNode], cxl) },
      { name: 'L3_PMEM', backends: pmemBackends(form, pmem) },
      {
        name: 'L4_NVME',
        backends: [{ kind: 'file', directory: machine.nvmeDirectory, capacityBytes: nvme }],
      },
    ],
    ...options,
  });
}

/** Bytes of this process' mappings of files under a path. */
export function mappedFileBytes(path: string): number {
  let bytes = 0;
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const [range, , , , , name] = line.split(/\s+/);
    if (name === undefined || !(name === path || name.startsWith(`${path}/`))) continue;
    const [start, end] = range.split('-').map((word) => Number.parseInt(word, 16));
    bytes += end - start;
  }
  return bytes;
}

/** Throws unless every backend has just the pages and mappings that its statistics claim, and keeps its budget. */
export function assertWhereItSays({ tiers }: MemoryStats): void {
  const ofDirectory = { L3_PMEM: machine.pmemDirectory, L4_NVME: machine.nvmeDirectory };
  for (const { name, kind, usedBytes, capacityBytes, backends } of tiers) {
    assert.equal(kind, 'real', name);
    assert.ok(usedBytes <= capacityBytes, `${name}: ${usedBytes} of ${capacityBytes} bytes`);
    for (const { kind, node, mappedBytes, unverifiedChunks, shadowChunks } of backends) {
      assert.equal(unverifiedChunks, 0, name);
      if (kind === 'numa') {
        const pages = mappedPages(new RegExp(` prefer:${node} `));
        const expected = mappedBytes === 0 ? {} : { [node]: mappedBytes / 4096 };
        assert.deepEqual(pages, expected, `${name}, node ${node}`);
      } else {
        const path = kind === 'dax' ? machine.pmemDevdax : ofDirectory[name as 'L3_PMEM'];
        const shadowBytes = shadowChunks * chunkBytes;
        assert.equal(mappedFileBytes(path), mappedBytes - shadowBytes, `${name}, ${kind}`);
      }
    }
  }
}

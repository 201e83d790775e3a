/** Every place of the five-tier machine that can hold a chunk: six nodes and three that are files or devices. */

import assert from 'node:assert/strict';
import type { NativeHeap } from '../../../dist/memory/heap-binding.js';
import { machine } from './machine.ts';
import { MiB, pagesPerChunk } from './memory.ts';

type BackendConfig = Parameters<NativeHeap['addBackend']>[0];

/** Where a chunk can be. */
export interface Place {
  readonly name: string;
  /** The node that the kernel names when asked; undefined for files and devices, whose pages are on none. */
  readonly node: number | undefined;
  readonly config: BackendConfig;
}

function nodePlace(tier: string, node: number): Place {
  return {
    name: `${tier} node ${node}`,
    node,
    config: { kind: 'numa', node, capacityBytes: 32 * MiB },
  };
}

/** All nine, the nodes first. Throws when the machine lacks one. */
export function allPlaces(): Place[] {
  const capacityBytes = 32 * MiB;
  return [
    ...machine.ddrNodes.map((node) => nodePlace('DDR', node)),
    ...machine.hbmNodes.map((node) => nodePlace('HBM', node)),
    nodePlace('CXL', machine.cxlNode),
    nodePlace('PMEM', machine.pmemNode),
    {
      name: 'fsdax',
      node: undefined,
      config: { kind: 'file', directory: machine.pmemDirectory, dax: true, capacityBytes },
    },
    {
      name: 'devdax',
      node: undefined,
      config: { kind: 'dax', path: machine.pmemDevdax, capacityBytes },
    },
    {
      name: 'NVMe',
      node: undefined,
      config: { kind: 'file', directory: machine.nvmeDirectory, capacityBytes },
    },
  ];
}

/** Throws unless `chunks` chunks lie wholly at a place, as far as the kernel tells. */
export function assertPlacement(
  heap: NativeHeap,
  first: number,
  chunks: number,
  place: Place,
): void {
  const { pagesByNode, absentPages, errno } = heap.placement(first, chunks);
  const pages = chunks * pagesPerChunk;
  assert.equal(errno, 0);
  if (place.node !== undefined) {
    assert.deepEqual(
      { pagesByNode, absentPages },
      { pagesByNode: { [place.node]: pages }, absentPages: 0 },
    );
  } else if (place.name === 'NVMe') {
    // Its pages are page cache, which the kernel puts beside the CPU.
    const cached = machine.ddrNodes.reduce((sum, node) => sum + (pagesByNode[node] ?? 0), 0);
    assert.equal(cached, pages, JSON.stringify(pagesByNode));
  } else {
    // Pages of a DAX mapping are on no node (ENOENT).
    assert.deepEqual({ pagesByNode, absentPages }, { pagesByNode: {}, absentPages: pages });
  }
}

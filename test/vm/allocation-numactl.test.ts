/** What numactl(8) allows a process is all that it uses, and what it may not have is said. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tierNames } from '../../dist/index.js';
import { machine } from './support/machine.ts';
import { MiB } from './support/memory.ts';
import type { MemoryReport } from './support/memory-report.ts';

const program = join(import.meta.dirname, 'support/memory-report.js');
const capacityBytes = 16 * MiB;

function report(words: readonly string[], options: object): MemoryReport {
  const args = [...words, process.execPath, program, JSON.stringify(options)];
  return JSON.parse(execFileSync('numactl', args, { encoding: 'utf8' }));
}

describe('numactl --membind', () => {
  it('keeps every page on its node: one tier is real, the others are simulated there', () => {
    const [, node] = machine.hbmNodes;
    const tiers = tierNames.map((name) => ({ name, capacityBytes }));
    const seen = report([`--membind=${node}`], { tiers });
    assert.deepEqual(seen.allowedNodes, [node]);
    assert.deepEqual(
      seen.tiers.map(({ name, kind }) => `${name} ${kind}`),
      // Persistent memory as a file is on no node.
      ['L0_HBM real', 'L1_DDR simulated', 'L2_CXL simulated', 'L3_PMEM real', 'L4_NVME simulated'],
    );
    assert.deepEqual(seen.tiers[0].nodes, [node]);
    assert.deepEqual(seen.tiers[3].nodes, ['file']);
    assert.deepEqual(Object.keys(seen.anonymousPages), [String(node)]);
    for (const other of [...machine.ddrNodes, machine.hbmNodes[0], machine.cxlNode]) {
      const limit = seen.limits.find(({ what }) => what.startsWith(`Node ${other} `));
      assert.match(limit?.reason ?? '', new RegExp(`may only allocate on nodes ${node}$`));
    }
    assert.equal(seen.stats.migration.failed, 0);
    assert.ok(seen.stats.migration.applied >= tierNames.length);
  });

  it('of two nodes makes a tier of each, and leaves the other nodes alone', () => {
    const nodes = [machine.ddrNodes[0], machine.pmemNode];
    const seen = report([`--membind=${nodes.join(',')}`], {});
    assert.deepEqual(seen.allowedNodes, nodes);
    assert.deepEqual(
      seen.tiers.map(({ name, nodes: of }) => [name, of]),
      [
        ['L1_DDR', [nodes[0]]],
        ['L3_PMEM', [nodes[1]]],
      ],
    );
    for (const node of Object.keys(seen.anonymousPages)) assert.ok(nodes.includes(Number(node)));
    assert.ok(seen.boundPages[nodes[1]] > 0);
    const absent = seen.limits.find(({ what }) => what === 'L0_HBM');
    assert.equal(
      absent?.reason,
      `The process may not allocate on nodes ${machine.hbmNodes.join(', ')}`,
    );
  });
});

describe('numactl --cpunodebind', () => {
  it('makes simulated tiers of memory beside its CPUs, and forbids no node', () => {
    const [, node] = machine.ddrNodes;
    const tiers = ['L1_DDR', 'L2_CXL'].map((name) => ({ name, capacityBytes, kind: 'simulated' }));
    const seen = report([`--cpunodebind=${node}`], { tiers });
    assert.deepEqual(seen.allowedCpus, [1]);
    assert.deepEqual(seen.allowedNodes, [
      ...machine.ddrNodes,
      ...machine.hbmNodes,
      machine.pmemNode,
      machine.cxlNode,
    ]);
    assert.deepEqual(seen.boundPages, {});
    assert.deepEqual(Object.keys(seen.anonymousPages), [String(node)]);
  });
});

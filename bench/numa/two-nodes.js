/** What counting by node and choosing nodes takes where there are two: modelled, so that it can be had anywhere. */

import { BackendSet } from '../../dist/memory/backend-set.js';
import { NodeUse } from '../../dist/memory/node-use.js';
import { ObjectStore } from '../../dist/memory/object-store.js';
import { PlainHeap } from '../../dist/memory/plain-heap.js';
import { DataMigrationEngine } from '../../dist/migration/data-migration-engine.js';
import { HardwareTierManager } from '../../dist/tiers/hardware-tier-manager.js';
import { zipfRanks } from '../micro/workload.js';
import { overheadOf } from './overhead.js';
import { switchedPolicy } from './switched-policy.js';

/** One row: values on two nodes of one tier, read from either in turn; folding, a snapshot and a plan. */
export async function benchTwoNodes({ items, operations, rounds }) {
  const bytes = 1024;
  const capacityBytes = items * bytes * 2 + 2 ** 26;
  const { tiers } = HardwareTierManager.detect({
    machine: null,
    tiers: [
      { name: 'L1_DDR', capacityBytes, kind: 'simulated' },
      { name: 'L4_NVME', capacityBytes, kind: 'simulated' },
    ],
  });
  const split = tiers.map((tier, index) => {
    if (index > 0) return tier;
    const half = { kind: 'simulated', capacityBytes: capacityBytes / 2 };
    return { ...tier, backends: [0, 1].map((node) => ({ ...half, node })) };
  });
  const store = new ObjectStore(new BackendSet(new PlainHeap(), split));
  let here = 0;
  const places = {
    runnableNodes: [0, 1],
    distance: (from, to) => (from === to ? 10 : 21),
    isLocal: (from, to) => from === to,
    currentNode: () => here,
  };
  const nodeUse = NodeUse.of(store.space, () => places);
  if (nodeUse === undefined) throw new Error('two nodes are not told apart');
  const value = new Uint8Array(bytes);
  const ids = Array.from({ length: items }, (_, i) =>
    store.put(i, 0, value, () => ({ tiers: [0, 1], node: i % 2, pinned: false }), false),
  );
  const ranks = zipfRanks(items, operations);
  const { policy, toggle: togglePolicy } = switchedPolicy();
  const engine = new DataMigrationEngine({ target: store.units, policy, maxUnits: 4096 });
  const run = () => {
    here = 1 - here;
    for (const rank of ranks) store.ledger.note(ids[rank], 1);
    return engine.step();
  };
  const toggle = (isOn) => {
    store.units.nodes = isOn ? nodeUse : undefined;
    store.units.tellsNodes = isOn;
    togglePolicy(isOn);
  };
  const row = await overheadOf({ name: `${operations} accesses and a plan`, toggle, run, rounds });
  if (nodeUse.accesses[0].far === 0) throw new Error('nothing was counted by node');
  store.close();
  return { title: `two nodes, modelled: ${items} values`, rows: [row] };
}

/** A memory on one node, as a program uses it, with the default policy's choice of nodes and without. */

import { TieredMemory } from '../../dist/index.js';
import { nearUser } from '../../dist/policy/near-user.js';
import { median } from '../micro/harness.js';
import { makeKeys, makeValue, zipfRanks } from '../micro/workload.js';
import { overheadOf } from './overhead.js';
import { switchedPolicy } from './switched-policy.js';

const bytes = 1024;

/** ns that choosing nodes adds to a plan where there is one node: too little to be seen beside the plan. */
function choiceNs() {
  const plan = { moves: [], refused: {} };
  const plain = { name: 'nothing', plan: () => plan };
  const near = nearUser(plain);
  const snapshot = { units: {}, nodes: undefined };
  const calls = 1_000_000;
  let moves = 0;
  const time = (policy) => {
    const start = process.cpuUsage();
    for (let i = 0; i < calls; i++) moves += policy.plan(snapshot, {}).moves.length;
    const { user, system } = process.cpuUsage(start);
    return ((user + system) * 1000) / calls;
  };
  const rounds = Array.from({ length: 9 }, () => time(near) - time(plain));
  if (moves !== 0) throw new Error('nothing was to be moved');
  return Math.max(0, median(rounds));
}

/** Rows: reads and writes with a plan for so many of them, and plans alone. */
export async function benchOneNode({ items, operations, rounds }) {
  const { policy, toggle } = switchedPolicy();
  const memory = await TieredMemory.open({
    tiers: [
      { name: 'L1_DDR', capacityBytes: Math.ceil(items * bytes * 0.4), kind: 'simulated' },
      { name: 'L4_NVME', capacityBytes: items * bytes * 2 + 2 ** 26, kind: 'simulated' },
    ],
    policy,
    background: false,
  });
  const keys = makeKeys(items);
  const value = makeValue(1, bytes);
  for (const key of keys) memory.storeSync(value, { key });
  const ranks = zipfRanks(items, operations);
  const { length } = ranks;
  let sink = 0;
  const runs = {
    [`${operations} get and borrow, and a plan`]: async () => {
      for (let i = 0; i < length; i++) sink += memory.get(keys[ranks[i]]).borrow()[0];
      await memory.engine.step();
    },
    [`${operations / 4} storeSync over a key, and a plan`]: async () => {
      for (let i = 0; i < length; i += 4) memory.storeSync(value, { key: keys[ranks[i]] });
      await memory.engine.step();
    },
    'a plan': () => memory.engine.step(),
  };
  const rows = [];
  for (const [name, run] of Object.entries(runs)) {
    rows.push(await overheadOf({ name, toggle, run, rounds }));
  }
  const ns = choiceNs();
  const share = ns / rows.at(-1).nsPerRun;
  const notes = [
    `the choice of nodes by itself: ${ns.toFixed(1)} ns, ${(share * 100).toFixed(4)} % of a plan`,
  ];
  if (!Number.isFinite(sink)) throw new Error('a value read back is not a number');
  if (memory.engine.stats().plans < rounds) throw new Error('no plans were made');
  await memory.close();
  return { title: `one node: ${items} values of ${bytes} B`, rows, notes };
}

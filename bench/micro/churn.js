/**
 * What evacuation gains and costs under churn: the same objects stored, rewritten with other sizes and deleted, with
 * and without it.
 */

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { TieredMemory } from '../../dist/index.js';
import { StoreUnits } from '../../dist/memory/store-units.js';
import { sideBySide } from './harness.js';
import { makeValue, randomStream, zipfRanks } from './workload.js';

const baseline = 'without evacuation';
/** Operations between two turns of the event loop. */
const batch = 500;
const intervalMs = 100;
const maxBytes = 8192;

/** One table: `items` objects from 64 B to 8 KiB, `operations` changes to Zipf keys, then 70 % deleted. */
export async function benchChurn({ items, operations, rounds }) {
  const value = makeValue(1, maxBytes);
  const ranks = zipfRanks(items, operations);
  const seen = new Map();
  const cases = {};
  for (const name of [baseline, 'with evacuation']) {
    cases[name] = async () => {
      const { tidy } = StoreUnits.prototype;
      // The same engine over a store that has no housekeeping.
      if (name === baseline) StoreUnits.prototype.tidy = undefined;
      try {
        const before = process.cpuUsage();
        seen.set(name, await churn(items, ranks, value));
        // Of all phases: most of the work is done when the program has nothing else to do.
        const { user, system } = process.cpuUsage(before);
        return (user + system) * 1000;
      } finally {
        StoreUnits.prototype.tidy = tidy;
      }
    };
  }
  const perRound = items + 2 * operations + 0.7 * items;
  const rows = await sideBySide(cases, { operations: perRound, baseline, rounds });
  return {
    title: `CPU time of churn: ${items} objects of 64 B to 8 KiB, policy static, a turn each ${intervalMs} ms`,
    baseline,
    rows,
    phases: Object.fromEntries(seen),
    notes: [...seen].flatMap(([name, phases]) => [
      `${name}: used/live, mapped/live, used/stored bytes, MiB copied so far`,
      ...phases.map(
        ({ phase, fragmentation, mappedOverLive, usedOverStored, evacuatedMiB }) =>
          `  ${phase.padEnd(36)} ${[fragmentation, mappedOverLive, usedOverStored].map((x) => x.toFixed(3).padStart(8)).join('')} ${evacuatedMiB.toFixed(0).padStart(8)}`,
      ),
    ]),
  };
}

async function churn(items, ranks, value) {
  const memory = await TieredMemory.open({
    tiers: [{ name: 'L1_DDR', capacityBytes: '1GiB', kind: 'simulated' }],
    policy: 'static',
    background: { intervalMs },
  });
  const random = randomStream(7);
  const sizes = new Uint32Array(items);
  const phases = [];
  /** Sizes from 64 B on that are spread evenly over the powers of two. */
  const put = (key, doublings) => {
    const bytes = Math.floor(64 * 2 ** (doublings * random()));
    memory.storeSync(value.subarray(0, bytes), { key });
    sizes[key] = bytes;
  };
  const remove = (key) => {
    memory.delete(key);
    sizes[key] = 0;
  };
  const run = async (phase, count, step) => {
    for (let i = 0; i < count; ) {
      for (const end = Math.min(count, i + batch); i < end; i++) step(i);
      await nextTurn();
    }
    note(phase);
  };
  const note = (phase) => {
    const { tiers, migration } = memory.stats();
    const [{ usedBytes, liveBytes, fragmentation, backends }] = tiers;
    phases.push({
      phase,
      fragmentation,
      mappedOverLive: backends[0].mappedBytes / liveBytes,
      usedOverStored: usedBytes / sizes.reduce((sum, bytes) => sum + bytes, 0),
      evacuatedMiB: migration.evacuatedBytes / 2 ** 20,
    });
  };
  const change = (doublings) => (i) => {
    if (sizes[ranks[i]] !== 0 && random() < 0.3) remove(ranks[i]);
    else put(ranks[i], doublings);
  };
  await run('stored', items, (i) => put(i, 4));
  await run('changed, sizes up to 1 KiB', ranks.length, change(4));
  await run('changed, sizes up to 8 KiB', ranks.length, change(7));
  await run('70 % deleted', items, (i) => {
    if (random() < 0.7) remove(i);
  });
  await sleep(10 * intervalMs);
  note('10 turns later');
  await sleep(20 * intervalMs);
  note('30 turns later');
  await memory.close();
  return phases;
}

/** What the questions cost that a program may ask often. */

import { NumaOptimizer } from '../../dist/index.js';
import { sideBySide } from '../micro/harness.js';

const baseline = 'performance.now()';

/** One table. */
export async function benchCalls({ operations, rounds }) {
  const numa = new NumaOptimizer();
  let sink = 0;
  const cases = {
    [baseline]: () => {
      for (let i = 0; i < operations; i++) sink += performance.now();
    },
    'numa.currentNode()': () => {
      for (let i = 0; i < operations; i++) sink += numa.currentNode();
    },
    'numa.residency.sample()': () => {
      for (let i = 0; i < operations; i++) sink += numa.residency.sample();
    },
    'numa.topology': () => {
      for (let i = 0; i < operations; i++) sink += numa.topology.nodes.length;
    },
    'numa.here()': () => {
      for (let i = 0; i < operations; i++) sink += numa.here().node;
    },
  };
  const rows = await sideBySide(cases, { operations, baseline, rounds });
  if (!Number.isFinite(sink)) throw new Error('an answer is not a number');
  // Each of these reads files of /proc and /sys; once is what they are asked.
  const once = {
    'numa.refresh()': () => numa.refresh(),
    'numa.kernelCounters()': () => numa.kernelCounters(),
    'await numa.processMemory()': () => numa.processMemory(),
  };
  const few = Math.max(1, Math.round(operations / 5000));
  for (const [name, ask] of Object.entries(once)) {
    const run = async () => {
      for (let i = 0; i < few; i++) await ask();
    };
    const [row] = await sideBySide({ [name]: run }, { operations: few, baseline: name, rounds });
    rows.push({ ...row, ratio: row.nsPerOperation / rows[0].nsPerOperation });
  }
  return { title: 'questions', baseline, rows };
}

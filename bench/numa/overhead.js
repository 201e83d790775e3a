/** What an option costs when it is on, against the same thing with it off, to a tenth of a percent. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { median } from '../micro/harness.js';

/**
 * Times `run` with the option off and on, in rounds of off, on, on, off: whatever drifts hits both alike, and state is
 * shared, so that both have the same memory and the same compiled code. Time is CPU time of the process: what else the
 * machine does is not in it. Returns ns a run and the overhead as a share of the time without, each the median over the
 * rounds, with the 95 % interval of that median (order statistics).
 */
export async function overheadOf({ name, toggle, run, rounds }) {
  const overheads = [];
  const times = [];
  const time = async (isOn) => {
    toggle(isOn);
    const start = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(start);
    return (user + system) * 1000;
  };
  for (let round = -10; round < rounds; round++) {
    await nextTurn();
    const first = await time(false);
    const on = (await time(true)) + (await time(true));
    const off = first + (await time(false));
    if (round < 0) continue;
    overheads.push(on / off - 1);
    times.push(off / 2);
  }
  overheads.sort((a, b) => a - b);
  const margin = 0.98 * Math.sqrt(rounds);
  const at = (rank) => overheads[Math.min(rounds - 1, Math.max(0, Math.round(rank)))];
  return {
    name,
    nsPerRun: median(times),
    overhead: median(overheads),
    from: at(rounds / 2 - margin - 1),
    to: at(rounds / 2 + margin),
  };
}

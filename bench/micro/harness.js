/** Times cases side by side: in each round every case runs once, so that noise hits all of them alike. */

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Median of numbers. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function quartile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

/**
 * Runs every case `rounds` times, after one round of warm-up. `cases` maps names to functions that do `operations`
 * operations; they may be async, and one that has to prepare something returns the ns it measured itself. Returns ns per operation and the ratio to the case called `baseline`, each the median
 * over the rounds (ratios are taken within a round), with the interquartile range of the ratio.
 */
export async function sideBySide(cases, { operations, baseline, rounds }) {
  const names = Object.keys(cases);
  const times = new Map(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    globalThis.gc?.();
    for (let i = 0; i < names.length; i++) {
      // A different first case each round: the one after a garbage collection is not always the same.
      const name = names[(i + round + names.length) % names.length];
      await nextTurn();
      const start = process.hrtime.bigint();
      const own = await cases[name]();
      const elapsed = own ?? Number(process.hrtime.bigint() - start);
      if (round >= 0) times.get(name).push(elapsed / operations);
    }
  }
  const base = times.get(baseline);
  return names.map((name) => {
    const own = times.get(name);
    const ratios = own.map((time, round) => time / base[round]);
    return {
      name,
      nsPerOperation: median(own),
      ratio: median(ratios),
      ratioIqr: quartile(ratios, 0.75) - quartile(ratios, 0.25),
    };
  });
}

/** How long the event loop is kept from turning while chunks move to a file and back as fast as they can. */

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { chunkBytes, requireNative } from '../../dist/native.js';
import { sideBySide } from '../micro/harness.js';

const baseline = 'nothing moves';
const turnsPerRound = 3000;

/** One table: median time of a turn of the event loop in which 64 KiB of a region are read. */
export async function benchStall({ chunks = 8, rounds = 9 } = {}) {
  const directory = mkdtempSync(join('/var/tmp', 'memory-tiers-bench-'));
  const heap = requireNative().openHeap({ reserveBytes: 8 * chunks * chunkBytes });
  const capacityBytes = 2 * chunks * chunkBytes;
  const memory = heap.addBackend({ kind: 'simulated', capacityBytes });
  const file = heap.addBackend({ kind: 'file', directory, capacityBytes });
  const run = heap.allocate(memory, chunks);
  const words = new Float64Array(heap.buffer(run, chunks * chunkBytes)).fill(1);
  const stalls = [];
  const turns = async (note) => {
    const times = [];
    for (let turn = 0; turn < turnsPerRound; turn++) {
      const start = process.hrtime.bigint();
      const from = ((turn * 8192) % words.length) | 0;
      let sum = 0;
      for (let i = from; i < from + 8192; i++) sum += words[i];
      if (sum !== 8192) throw new Error('a word was lost');
      await nextTurn();
      times.push(Number(process.hrtime.bigint() - start));
    }
    times.sort((a, b) => a - b);
    if (note) stalls.push(times);
    return times[times.length >> 1];
  };
  const cases = {
    [baseline]: () => turns(false),
    'chunks move to a file and back': async () => {
      let moving = true;
      const mover = (async () => {
        while (moving) {
          for (let i = 0; i < chunks && moving; i++) {
            const from = heap.backendOf(run + i);
            await heap.moveChunk(run + i, from === memory ? file : memory);
          }
        }
      })();
      const median = await turns(true);
      moving = false;
      await mover;
      return median;
    },
  };
  const rows = await sideBySide(cases, { operations: 1, baseline, rounds });
  const all = stalls.flat().sort((a, b) => a - b);
  const at = (share) => `${(all[Math.floor(all.length * share)] / 1000).toFixed(0)} us`;
  heap.close();
  rmSync(directory, { recursive: true });
  return {
    title: 'a turn of the event loop',
    baseline,
    rows,
    notes: [`turns while chunks move: p50 ${at(0.5)}, p99 ${at(0.99)}, p999 ${at(0.999)}`],
  };
}

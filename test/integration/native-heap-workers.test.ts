import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

describe('worker threads', () => {
  const workerFile = fileURLToPath(new URL('../fixtures/heap-worker.js', import.meta.url));

  it('may be terminated in the middle of anything without a crash or a leak', async () => {
    const operations = new Int32Array(new SharedArrayBuffer(4));
    const mappingsBefore = mappings();
    for (let round = 0; round < 12; round++) {
      const started = Atomics.load(operations, 0);
      const workers = [0, 1].map(() => new Worker(workerFile, { workerData: operations }));
      const errors: Error[] = [];
      for (const worker of workers) worker.on('error', (error) => errors.push(error));
      while (Atomics.load(operations, 0) < started + 20 && errors.length === 0) await sleep(1);
      await sleep(round % 4);
      await Promise.all(workers.map((worker) => worker.terminate()));
      expect(errors).toEqual([]);
      expect(Atomics.load(operations, 0)).toBeGreaterThan(started);
    }
    // Threads leave a few mappings of the C library's own; a leaked window would be dozens a round.
    expect(mappings()).toBeLessThan(mappingsBefore + 150);
    expect(mappingsOfFiles()).toBe(0);
  });
});

function mappings(): number {
  return readFileSync('/proc/self/maps', 'latin1').split('\n').length;
}

/** Mappings of files without a name, as heaps use them. */
function mappingsOfFiles(): number {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .filter((line) => line.includes('/tmp/#') && line.includes('(deleted)')).length;
}

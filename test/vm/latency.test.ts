/** Latencies under load on five real tiers: who is measured, and what that takes. What they are means nothing here. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Decision } from '../../dist/index.js';
import { chunkBytes } from '../../dist/native.js';
import { openFiveTiers, pmemForms } from './support/five-tiers.ts';
import { MiB } from './support/memory.ts';

describe('a memory with the policy latency-balanced', () => {
  for (const form of pmemForms) {
    it(`measures every tier of memory, PMEM as ${form} too, and no drive`, async () => {
      const decisions: Decision[] = [];
      const memory = await openFiveTiers(form, [8 * MiB, 8 * MiB, 8 * MiB, 8 * MiB, 8 * MiB], {
        policy: 'latency-balanced',
        onDecision: (decision) => decisions.push(structuredClone(decision)),
      });
      const latency = () => memory.stats().latency;
      for (let i = 0; i < 600 && (latency()?.measurements ?? 0) < 1; i++) await sleep(100);
      await memory.engine.step();
      assert.deepEqual(
        latency()?.tiers.map(({ name }) => name),
        ['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM'],
      );
      assert.deepEqual(
        latency()?.unmeasured.map(({ name }) => name),
        ['L4_NVME'],
      );
      assert.equal(latency()?.errors, 0);
      const { latencyBalance } = decisions[0].snapshot;
      assert.deepEqual(
        latencyBalance?.loadedLatencyNs.map((ns) => ns > 0),
        [true, true, true, true, false],
      );
      // What is opened once gives a chunk of its own budget; elsewhere nothing is taken.
      const isOwn = form === 'fsdax' || form === 'devdax';
      assert.deepEqual(
        memory.stats().tiers.map(({ usedBytes }) => usedBytes),
        [0, 0, 0, isOwn ? chunkBytes : 0, 0],
      );
      await memory.close();
    });
  }
});

/** Where threads cannot be put: CPUs that go away and come back, and a container that refuses. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { NumaOptimizer } from '../../dist/index.js';
import { machine } from './support/machine.ts';

const numa = new NumaOptimizer();
const [first, second] = machine.ddrNodes;
const unavailable = { name: 'TierError', code: 'ERR_TIER_UNAVAILABLE' };

describe('a container that refuses set_mempolicy', () => {
  it('still lets threads be pinned, and says what its filter refuses', () => {
    const folder = mkdtempSync(join(tmpdir(), 'memory-tiers-numa-'));
    const filter = join(folder, 'refuse-numa-calls');
    const source = join(import.meta.dirname, '../../test/vm/support/refuse-numa-calls.c');
    execFileSync('cc', ['-Wall', '-Werror', '-o', filter, source], { stdio: 'inherit' });
    const program = join(folder, 'program.mjs');
    writeFileSync(
      program,
      `import { NumaOptimizer } from ${JSON.stringify(join(import.meta.dirname, '../../dist/index.js'))};
      const numa = new NumaOptimizer();
      let refused;
      try { numa.pinThread(${second}, { preferMemory: true }); } catch (error) { refused = error; }
      const after = numa.here().pinned;
      numa.pinThread(${second});
      const { code, hint, errno } = refused;
      console.log(JSON.stringify({ code, hint, errno, after, node: numa.here().node }));`,
    );
    const said = JSON.parse(
      execFileSync(filter, [process.execPath, program], { encoding: 'utf8' }),
    );
    rmSync(folder, { recursive: true });
    assert.match(said.hint, /seccomp/);
    assert.deepEqual(said, {
      code: 'ERR_TIER_NO_PERMISSION',
      hint: said.hint,
      errno: 1,
      after: false,
      node: second,
    });
  });
});

describe('a CPU that goes offline', () => {
  const online = '/sys/devices/system/cpu/cpu1/online';

  it('takes its node out of the places to run on, until it is back', async () => {
    const before = numa.topology;
    writeFileSync(online, '0');
    try {
      await sleep(1100);
      assert.deepEqual(numa.topology.node(second)?.cpus, []);
      assert.deepEqual(numa.topology.allowedCpus, [0]);
      assert.deepEqual(
        numa.topology.runnableNodes.map(({ id }) => id),
        [first],
      );
      assert.throws(() => numa.pinThread(second), unavailable);
      assert.throws(() => numa.pinThread([1]), unavailable);
    } finally {
      writeFileSync(online, '1');
    }
    await sleep(1100);
    assert.notEqual(numa.topology, before);
    assert.deepEqual(numa.topology.sockets, before.sockets);
    assert.deepEqual(numa.topology.allowedCpus, [0, 1]);
    assert.equal(
      numa.run(second, () => numa.here().node),
      second,
    );
  });
});

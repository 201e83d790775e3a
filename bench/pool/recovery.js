/** What a death costs the others: a member of a pool of 1 GiB is killed with objects, leases and a tier. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CxlMemoryPool } from '../../dist/index.js';
import { median } from '../micro/harness.js';

const MiB = 2 ** 20;
const dist = new URL('../../dist/index.js', import.meta.url).href;

const victim = (path) => `
  import { CxlMemoryPool, TieredMemory } from ${JSON.stringify(dist)};
  const pool = await CxlMemoryPool.open({ devices: [${JSON.stringify(path)}], create: false });
  const value = new Uint8Array(8000);
  for (let i = 0; i < 30_000; i++) pool.putSync('of the dead ' + i, value);
  globalThis.leases = Array.from({ length: 500 }, (_, i) => pool.borrow('of the dead ' + i));
  globalThis.memory = await TieredMemory.open({
    tiers: [{ name: 'L2_CXL', backends: [{ kind: 'pool', path: ${JSON.stringify(path)}, capacityBytes: '256MiB' }] }],
  });
  memory.allocate(Uint8Array, ${250 * MiB});
  console.log('ready');
  setInterval(() => {}, 1000);`;

/** One table of milliseconds. */
export async function benchRecovery({ rounds }) {
  const recovered = [];
  for (let round = 0; round < rounds; round++) {
    const directory = mkdtempSync('/dev/shm/memory-tiers-bench-');
    const path = join(directory, 'pool');
    const options = { devices: [path], capacityBytes: 1024 * MiB, maintainMs: 0 };
    const pool = await CxlMemoryPool.open(options);
    const child = spawn(process.execPath, ['--input-type=module', '-e', victim(path)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const before = performance.now();
    const dead = await pool.maintain();
    recovered.push(performance.now() - before);
    if (dead !== 2) throw new Error(`${dead} members were dead, not the two of the process`);
    await pool.close();
    rmSync(directory, { recursive: true });
  }
  return {
    title:
      'a process is killed that has 30,000 values of 8 kB, 500 leases and a tier of 250 MiB in a pool of 1 GiB',
    ms: median(recovered),
    worstMs: Math.max(...recovered),
    rounds,
  };
}

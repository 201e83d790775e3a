/** `memory-tiers replay` on five real tiers: every byte that is read is the byte that was written. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { machine } from './support/machine.ts';

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const names = ['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM', 'L4_NVME'];
let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'replay-'));
});
after(() => rmSync(directory, { recursive: true, force: true }));

/**
 * A trace in the form of the public ones: 150 objects of every sort of size, each written once in order, then a tenth
 * of them gets nine of ten requests, and halfway another tenth does.
 */
function trace(requests: number): string {
  const objects = 150;
  const sizes = [100, 1000, 4096, 10_000, 30_000];
  const lines = ['key_id,size_bytes,op'];
  let state = 88_172_645;
  const draw = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  for (let i = 0; i < requests; i++) {
    const shift = i < requests / 2 ? 3 : 7;
    const key = i < objects ? i : draw(10) > 0 ? draw(objects / 10) * 10 + shift : draw(objects);
    lines.push(
      `${key},${sizes[(key * 7) % sizes.length]},${i < objects || draw(10) < 3 ? 'w' : 'r'}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

describe('memory-tiers replay', () => {
  for (const pmem of ['kmem', 'fsdax']) {
    it(`serves a trace from five real tiers, PMEM as ${pmem}, without a corrupt byte`, (t) => {
      const requests = 2400;
      const file = join(directory, 'trace.csv.gz');
      writeFileSync(file, gzipSync(trace(requests)));
      const place = pmem === 'kmem' ? `node=${machine.pmemNode}` : `dir=${machine.pmemDirectory}`;
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [
          ...[cli, 'replay', file, '--json', '--interval=120'],
          ...['--tier=L0_HBM=256KiB', '--tier=L1_DDR=256KiB', '--tier=L2_CXL=256KiB'],
          ...[
            `--tier=L3_PMEM=512KiB:${place}`,
            `--tier=L4_NVME=32MiB:dir=${machine.nvmeDirectory}`,
          ],
        ],
        { encoding: 'utf8' },
      );
      assert.equal(stderr, '');
      const report = JSON.parse(stdout);
      assert.deepEqual(
        report.tiers.map(({ name, kind }: { name: string; kind: string }) => `${name} ${kind}`),
        names.map((name) => `${name} real`),
      );
      const { corruptReads, corruptObjects, policyErrors } = report;
      assert.deepEqual(
        { corruptReads, corruptObjects, policyErrors, requests: report.requests },
        { corruptReads: 0, corruptObjects: 0, policyErrors: 0, requests },
      );
      assert.equal(status, 0);
      // It is about real tiers only if all of them served requests and data moved between them.
      for (const tier of report.tiers) {
        assert.ok(tier.requests > 0, `${tier.name} served nothing`);
        assert.ok(tier.usedBytes <= tier.capacityBytes, tier.name);
      }
      assert.ok(report.reads > 1000 && report.writes > 400);
      assert.ok(report.promotions >= 5, `${report.promotions} promotions`);
      const served = report.tiers.map(({ name, requests }: { name: string; requests: number }) => {
        return `${name} ${requests}`;
      });
      t.diagnostic(`${served.join(', ')}; ${report.promotions} up, ${report.demotions} down`);
    });
  }
});

/** What a process may not do is said, with what helps; its data is kept, and no tier is called what it is not. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tierNames } from '../../dist/index.js';
import { machine } from './support/machine.ts';
import { MiB } from './support/memory.ts';
import type { MemoryReport } from './support/memory-report.ts';

const program = join(import.meta.dirname, 'support/memory-report.js');
const source = join(import.meta.dirname, '../../test/vm/support/refuse-numa-calls.c');
const nobody = 65534;
const EPERM = 1;

let folder: string;
/** Words that run a command in a container whose filter refuses to place memory. */
let inContainer: string[];
const readAll = '-all,+dac_read_search';
/** Words that run a command as another user, who may read this checkout wherever it is, and nothing more. */
const asNobody = [
  'setpriv',
  `--reuid=${nobody}`,
  `--regid=${nobody}`,
  '--clear-groups',
  `--bounding-set=${readAll}`,
  `--inh-caps=${readAll}`,
  `--ambient-caps=${readAll}`,
];

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-tiers-permissions-'));
  inContainer = [join(folder, 'refuse-numa-calls')];
  execFileSync('cc', ['-Wall', '-Werror', '-o', inContainer[0], source], { stdio: 'inherit' });
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(words: readonly string[], options: object) {
  const [command, ...args] = [...words, process.execPath, program, JSON.stringify(options)];
  return spawnSync(command, args, { encoding: 'utf8' });
}

function report(words: readonly string[], options: object): MemoryReport {
  const { status, stdout, stderr } = run(words, options);
  assert.equal(status, 0, stderr);
  // The core logs nothing, whatever is refused.
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

const kinds = ({ tiers }: MemoryReport) => tiers.map(({ name, kind }) => `${name} ${kind}`);
const limit = ({ limits }: MemoryReport, what: string) => {
  const found = limits.find((entry) => entry.what === what);
  assert.ok(found, `${what} in ${JSON.stringify(limits)}`);
  return found;
};

describe('where a filter refuses mbind, move_pages, set_mempolicy and get_mempolicy', () => {
  it('memory opens with the tiers that need no binding, and says which calls are refused', () => {
    const seen = report(inContainer, {});
    assert.equal(seen.process.seccomp, 2);
    assert.deepEqual(seen.permissions, {
      mbind: EPERM,
      movePages: EPERM,
      setMempolicy: EPERM,
      getMempolicy: EPERM,
    });
    assert.deepEqual(kinds(seen), ['L1_DDR real', 'L3_PMEM real']);
    assert.deepEqual(seen.tiers[1].nodes, ['file']);
    const refused = limit(seen, 'Memory cannot be bound to NUMA nodes');
    assert.match(refused.reason, /mbind, move_pages, get_mempolicy, set_mempolicy.* EPERM/);
    assert.match(refused.hint, /--cap-add SYS_NICE/);
    for (const name of ['L0_HBM', 'L2_CXL']) {
      assert.match(limit(seen, name).reason, /^mbind is refused \(EPERM\)$/);
      assert.match(limit(seen, name).hint, /--cap-add SYS_NICE/);
    }
    assert.deepEqual(seen.boundPages, {});
    assert.ok(seen.stats.migration.applied > 0);
    assert.equal(seen.movedTo['L1_DDR/2200000'], 'L3_PMEM');
  });

  it('a tier whose node is asked for is simulated, and data goes through all five all the same', () => {
    const capacityBytes = 16 * MiB;
    const node = machine.hbmNodes[0];
    const seen = report(inContainer, {
      directory: machine.nvmeDirectory,
      tiers: [
        { name: 'L0_HBM', backends: [{ kind: 'numa', node, capacityBytes }] },
        { name: 'L1_DDR', capacityBytes },
        { name: 'L2_CXL', capacityBytes, node: machine.cxlNode },
        { name: 'L3_PMEM', capacityBytes },
        { name: 'L4_NVME', capacityBytes },
      ],
    });
    assert.deepEqual(kinds(seen), [
      'L0_HBM simulated',
      'L1_DDR real',
      'L2_CXL simulated',
      'L3_PMEM real',
      'L4_NVME real',
    ]);
    assert.match(limit(seen, 'L0_HBM is simulated').reason, /whichever node the kernel chooses/);
    assert.match(limit(seen, 'L2_CXL is simulated').reason, /node 5: mbind is refused/);
    // Memory that was to be on a node is counted as what it is: nobody knows.
    const [backend] = seen.stats.tiers[0].backends;
    assert.ok(backend.unverifiedChunks > 0);
    assert.match(backend.note, /mbind is refused/);
    for (const [index, name] of tierNames.entries()) {
      assert.equal(seen.storedOn[name], name);
      assert.equal(seen.movedTo[`${name}/2200000`], tierNames[(index + 1) % 5]);
      assert.equal(seen.movedTo[`${name}/10000`], tierNames[(index + 1) % 5]);
    }
    const { tried, applied, failed } = seen.stats.migration;
    assert.deepEqual([applied, failed], [tried, 0]);
  });
});

describe('a user without CAP_SYS_NICE', () => {
  it('has every tier that is memory of a node, and moves data between them', () => {
    const seen = report(asNobody, {});
    assert.equal(seen.process.uid, nobody);
    // CAP_DAC_READ_SEARCH is bit 2; CAP_SYS_NICE would be bit 23.
    assert.match(seen.process.capabilities, /^0+4$/);
    assert.deepEqual(kinds(seen), ['L0_HBM real', 'L1_DDR real', 'L2_CXL real', 'L3_PMEM real']);
    assert.deepEqual(
      seen.limits.map(({ what }) => what.split(' ').slice(0, 6).join(' ')),
      ['Moves between memory and files stop', 'L4_NVME'],
    );
    // HBM is that of the socket which the program happens to run on.
    for (const nodes of [machine.hbmNodes, [machine.cxlNode], [machine.pmemNode]]) {
      const pages = nodes.reduce((sum, node) => sum + (seen.boundPages[node] ?? 0), 0);
      assert.ok(pages >= 3 * 512, `${pages} on node ${nodes.join(' or ')}`);
    }
    assert.equal(seen.movedTo['L1_DDR/2200000'], 'L2_CXL');
    assert.equal(seen.stats.migration.failed, 0);
    for (const { backends } of seen.stats.tiers) {
      for (const { unverifiedChunks } of backends) assert.equal(unverifiedChunks, 0);
    }
  });

  it('gets a stand-in for a device it may not open, and is told so', () => {
    const seen = report(asNobody, {
      tiers: [
        { name: 'L1_DDR', capacityBytes: '32MiB' },
        { name: 'L3_PMEM', capacityBytes: '32MiB', devicePath: machine.pmemDevdax },
      ],
    });
    assert.deepEqual(kinds(seen), ['L1_DDR real', 'L3_PMEM simulated']);
    const { reason, hint } = limit(seen, 'L3_PMEM is simulated');
    assert.equal(reason, `${machine.pmemDevdax} may not be read and written by this process`);
    assert.equal(hint, 'Give the process access to the device.');
  });

  it('gets an error that names a directory it may not write to', () => {
    const { status, stderr } = run(asNobody, { directory: machine.nvmeDirectory });
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`tier directory "${machine.nvmeDirectory}" cannot be used`));
    assert.match(stderr, /ERR_TIER_NO_PERMISSION/);
    assert.match(stderr, /Choose a directory this process may write to/);
  });
});

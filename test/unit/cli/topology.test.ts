import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { runCli } from '../../../lib/cli/cli.ts';
import { paintFor } from '../../../lib/cli/command-io.ts';
import { topologyCommand } from '../../../lib/cli/topology.ts';
import { formatList, renderTopology } from '../../../lib/cli/topology-report.ts';
import { HardwareTierManager } from '../../../lib/tiers/hardware-tier-manager.ts';
import { probe } from '../../support/hotness.ts';
import { fakeProbe } from '../tiers/fake-probe.ts';
import { readTopology, scanTopology } from '../tiers/topology-fixture.ts';

async function run(...argv: string[]) {
  const texts = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof texts) => ({
    write: (text: string) => {
      texts[name] += text;
    },
  });
  const io = { stdin: Readable.from([]), stdout: sink('stdout'), stderr: sink('stderr'), env: {} };
  const exit = await runCli(['topology', ...argv], [topologyCommand], io);
  return { exit, ...texts };
}

function render(name: string): string {
  const machine = scanTopology(readTopology(name));
  const manager = HardwareTierManager.detect({ machine, probe: fakeProbe() });
  return renderTopology(manager, paintFor({ write: () => true }, {}));
}

describe('topology', () => {
  test('shows nodes with their class, and where each figure comes from', () => {
    const text = render('hbm-flat');
    expect(text).toMatch(/^ +2 {2}L0_HBM {2}- +64 GiB +60 GiB {2}13 23 10 25$/m);
    expect(text).toMatch(/^L0_HBM +real .* 110 ns f .* node 2, node 3$/m);
    expect(text).toContain("HMAT bandwidth 429 GB/s is 4.0 times DDR's");
  });

  test('shows what may be written to a drive that wears out', () => {
    const block = {
      name: 'nvme0n1',
      sizeBytes: 2 ** 40,
      rotational: false,
      origin: 'nvme',
    } as const;
    const mount = {
      path: '/tmp',
      device: '/dev/nvme0n1',
      fsType: 'xfs',
      options: 'rw',
      readOnly: false,
      dax: false,
      freeBytes: 2 ** 39,
    };
    const tmp = {
      medium: 'drive',
      block: { ...block, node: 0, mounts: [mount] },
      mount,
      model: 'KIOXIA',
    } as const;
    const machine = scanTopology(readTopology('laptop'));
    const directories = { '/tmp': tmp };
    const manager = HardwareTierManager.detect({ machine, probe: fakeProbe({ directories }) });
    const text = renderTopology(manager, paintFor({ write: () => true }, {}));
    expect(text).toMatch(/^tier .*writes a day/m);
    expect(text).toMatch(/^L4_NVME +real .* 307 GiB .*file in \/tmp$/m);
    expect(render('laptop')).not.toContain('writes a day');
  });

  test('shows what is detected and not used apart', () => {
    const [used, unused] = render('pmem-three-modes').split('Detected and not in use');
    expect(used).toMatch(/^L3_PMEM .* node 4$/m);
    expect(unused).toContain('device /dev/dax2.0');
    expect(unused).toContain('file in /mnt/pmem (DAX)');
  });

  test('shows every limit with its hint', () => {
    const text = render('container');
    expect(text).toContain('Memory cannot be bound to NUMA nodes: mbind, move_pages');
    expect(text).toContain('--cap-add SYS_NICE');
  });

  test('shows every source of hotness, and why it does not work', () => {
    const manager = HardwareTierManager.detect({ machine: null, probe: fakeProbe() });
    const { machine, tiers, available, limits } = manager;
    const hotness = [probe('damon', false, 'only root may use it'), probe('write-protect')];
    const facts = { machine, tiers, available, limits, hotness };
    const text = renderTopology(facts, paintFor({ write: () => true }, {}));
    expect(text).toMatch(/^damon +no +reads, writes +only root may use it$/m);
    expect(text).toMatch(/^write-protect +yes +writes$/m);
  });

  test('does without a machine', () => {
    const manager = HardwareTierManager.detect({ machine: null, probe: fakeProbe() });
    const text = renderTopology(manager, paintFor({ write: () => true }, {}));
    expect(text).not.toContain('Machine');
    expect(text).toMatch(/^L1_DDR +simulated/m);
  });

  test('prints one JSON document', async () => {
    const { exit, stdout, stderr } = await run('--json', '--tier', 'L1_DDR=4MiB');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const report = JSON.parse(stdout) as { tiers: unknown };
    expect(report.tiers).toMatchObject([{ name: 'L1_DDR', capacityBytes: 4 * 2 ** 20 }]);
    expect(Object.keys(report)).toEqual(['machine', 'tiers', 'available', 'limits', 'hotness']);
  });

  test('says what is wrong with its options', async () => {
    expect(await run('--tier', 'L1_DRR=4MiB')).toMatchObject({ exit: 2, stdout: '' });
    const { exit, stderr } = await run('--directory', '/nowhere/at/all');
    expect(exit).toBe(1);
    expect(stderr).toContain('/nowhere/at/all');
  });

  test('writes CPU lists as ranges', () => {
    expect(formatList([0, 1, 2, 5, 7, 8])).toBe('0-2,5,7-8');
    expect(formatList([])).toBe('-');
  });
});

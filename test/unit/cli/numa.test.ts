import { afterEach, describe, expect, test } from 'vitest';
import { runCli } from '../../../lib/cli/cli.ts';
import { paintFor } from '../../../lib/cli/command-io.ts';
import { lookAtNodes, numaCommand } from '../../../lib/cli/numa.ts';
import { type NumaFacts, renderNuma } from '../../../lib/cli/numa-report.ts';
import { TierError } from '../../../lib/errors.ts';
import { requireNative } from '../../../lib/native.ts';
import { captureIo } from '../../support/capture-io.ts';
import { type MachineShape, MachineTree, machineFiles } from '../numa/machine-tree.ts';
import { memoryFile, numastatFile, type ThreadShape, threadFiles } from '../numa/process-tree.ts';

const pid = 4711;
const pagesOfGiB = 2 ** 18;
const plain = paintFor({ write: () => true }, {});
const twoSockets: MachineShape = { sockets: 2 };
/** CXL next to both sockets, HBM next to each. */
const linked: MachineShape = {
  sockets: 2,
  memoryNodes: [
    { initiators: [0], distances: [13, 23] },
    { initiators: [1], distances: [23, 13] },
    { initiators: [0, 1], distances: [30, 30] },
  ],
};

let tree: MachineTree | undefined;
afterEach(() => {
  tree?.remove();
  tree = undefined;
});

async function look(
  files: Record<string, string>,
  of: { readonly pid?: number } = {},
): Promise<{ facts: NumaFacts; text: string }> {
  tree = new MachineTree(files);
  const tiers = [{ name: 'L1_DDR', capacityBytes: '64MiB' }] as const;
  const facts = await lookAtNodes(requireNative(), {
    ...of,
    tiers,
    durationMs: 0,
    root: tree.root,
  });
  return { facts, text: renderNuma(facts, plain) };
}

function processFiles(
  threads: readonly Partial<ThreadShape>[],
  memory: Parameters<typeof memoryFile>[1],
): Record<string, string> {
  const files = threads.map((thread, index) =>
    threadFiles(pid, { id: pid + index, cpu: 0, cpus: '0-3', ticks: 10, ...thread }),
  );
  return Object.assign({}, ...files, memoryFile(pid, memory));
}
const whats = ({ findings }: NumaFacts): string[] => findings.map(({ what }) => what);

describe('numa', () => {
  test('says of a machine with one node that there is nothing to do', async () => {
    const { facts, text } = await look(machineFiles({ sockets: 1 }));
    expect(facts.findings).toEqual([]);
    expect(text).toMatch(/^ +0 {2}L1_DDR +0 {2}0-1 +1 GiB +512 MiB {2}its CPUs {2}10$/m);
    expect(text).toContain('There is nothing to place and nothing to pin.\n');
    expect(text).not.toContain('by everybody');
  });

  test('shows the distances of two sockets, and whom tiers are near', async () => {
    const { facts, text } = await look(machineFiles(twoSockets));
    expect(facts.findings).toEqual([]);
    expect(text).toMatch(/^ +1 {2}L1_DDR +1 {2}2-3 .* 21 10$/m);
    expect(text).toMatch(/made of +capacity {2}node {2}from node 0 {2}from node 1$/m);
    expect(text).toMatch(/^L1_DDR +real +node 0 +\d+ MiB +0 {2}near \(10\) +21$/m);
    expect(text).toMatch(/^ +node 1 +\d+ MiB +1 {2}21 +near \(10\)$/m);
    expect(text).toContain('CPUs are on 2 nodes: where threads run matters. `--pid PID`');
  });

  test('says next to whom memory without CPUs is', async () => {
    const { text } = await look(machineFiles(linked));
    expect(text).toMatch(/^ +2 {2}\S+ .* node 0 +13 23 10/m);
    expect(text).toMatch(/^ +4 {2}\S+ .* node 0-1 +30 30/m);
  });

  test('of CPUs on one node and memory on several says that only tiers matter', async () => {
    const shape = { sockets: 1, memoryNodes: [{ initiators: [0], distances: [20] }] };
    const { text } = await look(machineFiles(shape));
    expect(text).toContain('All CPUs are on one node: which tier data is in matters');
  });

  test('shows what a cpuset leaves, and why', async () => {
    const shape = { ...twoSockets, allowedCpus: '0-1', allowedNodes: '0' };
    const { facts, text } = await look(machineFiles(shape));
    expect(text).toMatch(/CPUs {2}usable/);
    expect(text).toMatch(/^ +1 {2}L1_DDR \(not ours\) +1 {2}2-3 {3}- /m);
    expect(whats(facts)).toEqual([
      'No thread of this process can be on node 1',
      'Node 1 (L1_DDR) is not used',
    ]);
  });

  test('reads the counters: who used a node from elsewhere, and which one was full', async () => {
    const { facts, text } = await look({
      ...machineFiles(linked),
      ...numastatFile(0, { local: 75_000, other: 25_000 }),
      ...numastatFile(1, { local: 99_000, other: 1000, foreign: 100_000 }),
      ...numastatFile(2, { other: 50_000 }),
    });
    expect(text).toMatch(/^ +0 +75,000 +25,000 {2}25\.0 % +0$/m);
    expect(text).toMatch(/^ +2 +0 +50,000 {7}- +0$/m);
    expect(whats(facts)).toEqual(['Memory of node 0 is used from other nodes', 'Node 1 was full']);
    expect(text).toContain('50.0 % of the pages wanted from it since boot came from other nodes');
  });

  test('tells of the balancing of the kernel what it moved, once', async () => {
    const { facts } = await look({
      ...machineFiles(twoSockets),
      '/proc/sys/kernel/numa_balancing': '1\n',
      '/proc/vmstat':
        'numa_pte_updates 9\nnuma_hint_faults 8\nnuma_hint_faults_local 7\nnuma_pages_migrated 5\n',
    });
    expect(facts.findings).toMatchObject([
      {
        what: 'The kernel moves pages too',
        reason: 'kernel.numa_balancing is 1, and the kernel has moved 5 pages since boot',
      },
    ]);
  });

  test('of a container without /sys says how to show it, and still shows a process', async () => {
    const files = { '/proc/self/status': 'Cpus_allowed_list:\t0-1\nMems_allowed_list:\t0\n' };
    const memory = [{ pages: { 0: pagesOfGiB } }];
    const { facts, text } = await look({ ...files, ...processFiles([{}], memory) }, { pid });
    expect(whats(facts)).toEqual(['No NUMA node can be seen']);
    expect(text).toMatch(/^ +0 +1 GiB/m);
    expect(text).toContain('Nothing is known of nodes here.');
    expect(text).toContain('hint: Mount /sys in the container');
  });
});

describe('numa of a process', () => {
  test('that is where its memory is has nothing to do', async () => {
    const memory = [{ pages: { 1: pagesOfGiB } }];
    const threads = [{ cpu: 2, cpus: '2-3' }];
    const files = { ...machineFiles(twoSockets), ...processFiles(threads, memory) };
    const { facts, text } = await look(files, { pid });
    expect(facts.process?.remote).toEqual({ least: 0, even: 0 });
    expect(text).toContain('Nothing to do: its threads are on their nodes');
    expect(text).toMatch(/^ +4711 {2}node {2}CPUs 2-3 +1 +1 /m);
  });

  test('whose memory is on the other socket is told what would move', async () => {
    const memory = [{ pages: { 0: pagesOfGiB } }, { policy: 'bind:0', pages: { 0: 2560 } }];
    const threads = [{ cpu: 2, cpus: '2-3' }];
    const files = { ...machineFiles(linked), ...processFiles(threads, memory) };
    const { facts, text } = await look(files, { pid });
    expect(facts.process?.remote).toEqual({ least: 1, even: 1 });
    expect(whats(facts)).toEqual(['1 GiB on node 0 are far from its threads']);
    expect(text).toContain('They ran on node 1 (100.0 %); 10 MiB were put there.');
    expect(text).toContain('`migratepages 4711 0 1` moves it to node 1 now.');
    expect(text).toContain('Remote: 100.0 % of its memory.\n');
  });

  test('is not told to move what was put there, nor what is nowhere nearer', async () => {
    const put = [{ policy: 'bind:0', pages: { 0: pagesOfGiB } }];
    const threads = [{ cpu: 2, cpus: '2-3' }];
    const shape = { ...linked, allowedNodes: '0,2-4' };
    const placed = await look({ ...machineFiles(linked), ...processFiles(threads, put) }, { pid });
    expect(placed.facts.findings[0]?.hint).toContain('`optimizePlacement()`');
    tree?.remove();
    const loose = [{ pages: { 0: pagesOfGiB } }];
    const stuck = await look({ ...machineFiles(shape), ...processFiles(threads, loose) }, { pid });
    expect(stuck.facts.findings[0]?.hint).toContain('No memory of this kind is nearer.');
  });

  test('whose threads roam is told to pin them, and how much that can matter', async () => {
    const memory = [{ pages: { 0: pagesOfGiB, 1: pagesOfGiB } }];
    const threads = [{ cpu: 0 }, { cpu: 2 }, { cpu: 3, cpus: '2-3' }];
    const files = { ...machineFiles(twoSockets), ...processFiles(threads, memory) };
    const { facts, text } = await look(files, { pid });
    expect(whats(facts)).toEqual([
      '2 of 3 threads may run on several nodes',
      'Up to 50.0 % of its accesses cross nodes',
    ]);
    expect(text).toContain('numactl --cpunodebind=0 --preferred=0');
    expect(text).toContain('What follows, the surest first:');
    expect(text).toContain('50.0 % of its accesses if every thread uses all of it alike');
    expect(text).toMatch(/^ +0 +1 GiB +0 B +1 +33\.3 % +66\.7 %$/m);
  });

  test('of somebody else shows its threads, and why not its memory', async () => {
    const files = { ...machineFiles(twoSockets), ...processFiles([{ cpus: '0-1' }], []) };
    delete files[`/proc/${pid}/numa_maps`];
    const { facts, text } = await look(files, { pid });
    expect(whats(facts)).toEqual([`The memory of process ${pid} cannot be seen`]);
    expect(text).toMatch(/^ +0 +\? +\? +1 +100\.0 % +-$/m);
  });

  test('lists the busiest threads and counts the others', async () => {
    const threads = Array.from({ length: 40 }, (_, i) => ({ cpus: '0-1', ticks: i }));
    const files = { ...machineFiles(twoSockets), ...processFiles(threads, []) };
    const { text } = await look(files, { pid });
    expect(text).toContain('and 24 that took none');
  });
});

describe('the command', () => {
  async function run(...argv: string[]) {
    const io = captureIo();
    const exit = await runCli(['numa', ...argv], [numaCommand], io);
    return { exit, out: io.out(), err: io.err() };
  }

  test('prints one JSON document about this machine and this process', async () => {
    const { exit, out, err } = await run('--json', '--pid', String(process.pid), '--seconds', '0');
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    const report = JSON.parse(out);
    expect(Object.keys(report)).toEqual(['topology', 'tiers', 'counters', 'process', 'findings']);
    expect(report.process.pid).toBe(process.pid);
    expect(report.topology.distances).toHaveLength(report.topology.nodes.length);
  });

  test.each([
    [['--pid', '0'], 2, '--pid must be a whole number of at least 1'],
    [['--seconds', 'x'], 2, '--seconds must be a whole number'],
    [['--tier', 'L1_DRR=4MiB'], 2, 'there is no tier "L1_DRR"'],
    [['--pid', '2147483600'], 1, 'ERR_TIER_UNAVAILABLE: There is no process 2147483600'],
  ])('says what is wrong with %j', async (argv, exit, message) => {
    const result = await run(...argv);
    expect(result).toMatchObject({ exit, out: '' });
    expect(result.err).toContain(message);
  });

  test('without the native part says what is missing, and fails only for a process', async () => {
    const absent = new TierError('ERR_TIER_NATIVE', 'No addon\n  for this platform', {});
    const facts = await lookAtNodes(absent, { durationMs: 0 });
    expect(renderNuma(facts, plain)).toBe(
      'Nothing is known of nodes here.\n' +
        '- The machine cannot be looked at: No addon for this platform.\n' +
        '  hint: Build the native part with `npm run build:native`.\n',
    );
    await expect(lookAtNodes(absent, { durationMs: 0, pid })).rejects.toBe(absent);
  });
});

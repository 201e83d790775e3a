// What npm run test:vm boots. `tests` are files of test/vm that run in the machine, a process each, and in one process
// those in a list of their own: starting one takes ten seconds there. `program` is one that ends by
// having the power cut. The longest come first, as two run at a time. With `shared`, there is a second machine that has
// these devices, too; it comes when a test asks for it (test/vm/support/peer.ts), and no other boot runs beside them.

const topologyTests = [['topology', 'topology-placement']];

/** Each: `name`, `steps` (on the same disks, one after the other), and options of a boot. */
export const boots = [
  {
    name: 'five-tiers',
    steps: [
      { tests: ['moves', 'moves-refused', 'huge-pages', 'allocation', 'allocation-numactl'] },
    ],
  },
  {
    name: 'five-tiers-memory',
    steps: [
      { tests: [...topologyTests, 'tiers', 'tiers-balanced', 'latency', 'replay', 'memkind'] },
    ],
  },
  { name: 'numa-data', steps: [{ tests: ['numa-follow', 'numa-replicas', 'interleave'] }] },
  // Takes a CPU offline.
  { name: 'numa', steps: [{ tests: ['numa-threads', 'numa-refused', 'numa-picture'] }] },
  {
    name: 'numa-balancing',
    kernel: '',
    steps: [{ tests: ['moves-balancing', 'moves', 'huge-pages'] }],
  },
  // Fills nodes to the brim and disks to the last block.
  { name: 'full', steps: [{ tests: ['hotness', 'allocation-full', 'permissions'] }] },
  // From here on the machine lacks something, or is damaged by the tests.
  { name: 'faults', steps: [{ tests: ['offline', 'poison', 'cxl-reset'] }] },
  { name: 'live-moves', threads: 'multi', steps: [{ tests: ['live-moves'] }] },
  { name: 'power-loss', steps: [{ program: 'power-loss' }, { tests: ['power-loss'] }] },
  {
    name: 'nvme-errors',
    nvmeErrors: [
      { event: 'read_aio', sector: 420_000 },
      { event: 'write_aio', sector: 300_000 },
    ],
    steps: [{ tests: ['nvme-errors'] }],
  },
  { name: 'cxl-removal', steps: [{ tests: ['cxl-removal'] }] },
  { name: 'one-hbm', topology: 'one-hbm', steps: [{ tests: [...topologyTests, 'memkind'] }] },
  {
    name: 'shared-device',
    topology: 'small-host',
    threads: 'multi',
    shared: ['nvdimm', 'cxl'],
    steps: [{ tests: ['shared-device'] }],
  },
  {
    name: 'pool-hosts',
    topology: 'small-host',
    threads: 'multi',
    shared: ['nvdimm', 'cxl'],
    steps: [{ tests: ['pool-hosts'] }],
  },
  ...['no-hbm', 'cxl-hmat', 'cxl-devdax', 'no-pmem', 'small-node', 'memoryless-node'].map(
    (topology) => ({ name: topology, topology, steps: [{ tests: topologyTests }] }),
  ),
];

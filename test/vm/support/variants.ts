/**
 * What each variant of the machine is made of, by hand: sizes, distances and figures are those given to QEMU
 * (scripts/machine/topology.js), node numbers are the order in which Linux meets them. Nothing here may be
 * computed by the code under test.
 */

import type { TierName } from '../../../dist/index.js';

/** A node as the kernel should show it. */
export interface NodeFacts {
  /** `null`: it has no memory, so it is no tier. */
  readonly tier: TierName | null;
  readonly cpus: readonly number[];
  /** The least and most of it that Linux manages; the rest is the kernel's own. */
  readonly MiB: readonly [number, number];
  readonly distances: readonly number[];
  /** `null`: firmware says nothing. */
  readonly hmat: {
    readonly initiators: readonly number[];
    readonly latencyNs: number;
    readonly mebibytesPerSecond: number;
  } | null;
}

/** A tier that is not there, and what a user has to be told. */
export interface MissingTier {
  readonly name: TierName;
  readonly reason: RegExp;
  readonly hint: RegExp;
}

export interface Variant {
  readonly nodes: readonly NodeFacts[];
  readonly missing: readonly MissingTier[];
  /** How the CXL memory is there. */
  readonly cxl: 'system-ram' | 'devdax';
  readonly pmem: boolean;
}

const figures = (socket: number, latencyNs: number, gibibytesPerSecond: number) => ({
  initiators: [socket],
  latencyNs,
  mebibytesPerSecond: gibibytesPerSecond * 1024,
});

const ddr = (socket: 0 | 1, ...distances: number[]): NodeFacts => ({
  tier: 'L1_DDR',
  cpus: [socket],
  MiB: socket === 0 ? [900, 1024] : [480, 512],
  distances,
  hmat: figures(socket, 100, 100),
});

const hbm = (socket: 0 | 1, ...distances: number[]): NodeFacts => ({
  tier: 'L0_HBM',
  cpus: [],
  MiB: [240, 256],
  distances,
  hmat: figures(socket, 110, 400),
});

/** Of 512 MiB, the label and the last part of a memory block are lost. */
const pmem = (...distances: number[]): NodeFacts => ({
  tier: 'L3_PMEM',
  cpus: [],
  MiB: [384, 384],
  distances,
  hmat: figures(0, 350, 10),
});

/** The CXL window is in no table of the firmware: 20 to all, and no figures. */
const cxl = (...distances: number[]): NodeFacts => ({
  tier: 'L2_CXL',
  cpus: [],
  MiB: [512, 512],
  distances,
  hmat: null,
});

const fiveTiers: readonly NodeFacts[] = [
  ddr(0, 10, 21, 13, 23, 17, 20),
  ddr(1, 21, 10, 23, 13, 28, 20),
  hbm(0, 13, 23, 10, 26, 20, 20),
  hbm(1, 23, 13, 26, 10, 31, 20),
  pmem(17, 28, 20, 31, 10, 20),
  cxl(20, 20, 20, 20, 20, 10),
];

const noDirectory: MissingTier = {
  name: 'L4_NVME',
  reason: /^No directory was given, and the temporary directory \/tmp is not on a local drive$/,
  hint: /`directory`/,
};
const whole = { missing: [noDirectory], cxl: 'system-ram', pmem: true } as const;

/** By the names of scripts/machine/topology.js. */
export const variants: Readonly<Record<string, Variant>> = {
  'five-tiers': { ...whole, nodes: fiveTiers },
  'no-hbm': {
    ...whole,
    nodes: [
      ddr(0, 10, 21, 17, 20),
      ddr(1, 21, 10, 28, 20),
      pmem(17, 28, 10, 20),
      cxl(20, 20, 20, 10),
    ],
    missing: [
      { name: 'L0_HBM', reason: /twice DDR's bandwidth/, hint: /Name L0_HBM in `tiers`/ },
      noDirectory,
    ],
  },
  'one-hbm': {
    ...whole,
    nodes: [
      ddr(0, 10, 21, 13, 17, 20),
      ddr(1, 21, 10, 23, 28, 20),
      hbm(0, 13, 23, 10, 20, 20),
      pmem(17, 28, 20, 10, 20),
      cxl(20, 20, 20, 20, 10),
    ],
  },
  // Linux 6.12 adds the link's picoseconds up as nanoseconds: 20 + 150 + 17000.
  'cxl-hmat': {
    ...whole,
    nodes: [
      ...fiveTiers.slice(0, 5),
      {
        ...cxl(20, 20, 20, 20, 20, 10),
        hmat: { initiators: [], latencyNs: 17170, mebibytesPerSecond: 16000 },
      },
    ],
  },
  'cxl-devdax': {
    ...whole,
    cxl: 'devdax',
    nodes: fiveTiers
      .slice(0, 5)
      .map((node) => ({ ...node, distances: node.distances.slice(0, 5) })),
    missing: [
      {
        name: 'L2_CXL',
        reason: /^dax\d+\.\d+ is there, but in devdax mode, and may hold data$/,
        hint: /`daxctl reconfigure-device --mode=system-ram dax\d+\.\d+`, or give its `devicePath`/,
      },
      noDirectory,
    ],
  },
  'no-pmem': {
    ...whole,
    pmem: false,
    nodes: [
      ddr(0, 10, 21, 13, 23, 20),
      ddr(1, 21, 10, 23, 13, 20),
      hbm(0, 13, 23, 10, 26, 20),
      hbm(1, 23, 13, 26, 10, 20),
      cxl(20, 20, 20, 20, 10),
    ],
    missing: [
      {
        name: 'L3_PMEM',
        reason: /^No persistent memory is online/,
        hint: /Name L3_PMEM in `tiers`/,
      },
      noDirectory,
    ],
  },
  // The kernel keeps some of the 16 MiB; a few chunks fit into the rest.
  'small-node': {
    ...whole,
    nodes: fiveTiers.map((node, id) => (id === 3 ? { ...node, MiB: [8, 16] } : node)),
  },
  // CPUs on a node without memory: it is described, and is no part of any tier.
  'memoryless-node': {
    ...whole,
    nodes: [
      ddr(0, 10, 16, 13, 17, 20),
      { tier: null, cpus: [1], MiB: [0, 0], distances: [16, 10, 23, 28, 20], hmat: null },
      hbm(0, 13, 23, 10, 20, 20),
      pmem(17, 28, 20, 10, 20),
      cxl(20, 20, 20, 20, 10),
    ],
  },
};

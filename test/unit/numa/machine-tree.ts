/** Machines of many shapes as trees of /sys and /proc, described by the native code as the real one is. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { requireNative } from '../../../lib/native.ts';
import { describeTopology, type NumaTopology } from '../../../lib/numa/topology.ts';
import type { MachineDescription } from '../../../lib/tiers/machine-description.ts';

/** Memory without CPUs. */
export interface MemoryNode {
  /** Nodes that the firmware names as its initiators; none: it says nothing. */
  readonly initiators?: readonly number[];
  /** Distance from each node with CPUs. */
  readonly distances: readonly number[];
}

export interface MachineShape {
  readonly sockets: number;
  /** Sub-NUMA clusters. */
  readonly nodesPerSocket?: number;
  readonly coresPerNode?: number;
  readonly threadsPerCore?: number;
  /** Numbered behind those with CPUs. */
  readonly memoryNodes?: readonly MemoryNode[];
  readonly allowedCpus?: string;
  readonly allowedNodes?: string;
  /** Without it the kernel does not say which socket a CPU is on. */
  readonly packages?: boolean;
}

const list = (numbers: readonly number[]): string => `${numbers.join(',')}\n`;
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Files by path. CPUs are numbered as on x86: the first threads of all cores, then the second ones. */
export function machineFiles(shape: MachineShape): Record<string, string> {
  const { sockets, nodesPerSocket = 1, coresPerNode = 2, threadsPerCore = 1 } = shape;
  const { memoryNodes = [], packages = true } = shape;
  const cpuNodes = sockets * nodesPerSocket;
  const cores = cpuNodes * coresPerNode;
  const nodes = cpuNodes + memoryNodes.length;
  const threads = (core: number): number[] => range(threadsPerCore).map((t) => t * cores + core);
  const coresOf = (node: number): number[] =>
    range(coresPerNode).map((c) => node * coresPerNode + c);
  const cpusOf = (node: number): number[] =>
    coresOf(node)
      .flatMap(threads)
      .sort((a, b) => a - b);
  const socketOf = (node: number): number => Math.floor(node / nodesPerSocket);
  const distance = (a: number, b: number): number => {
    const memory = memoryNodes[Math.max(a, b) - cpuNodes];
    if (a === b) return 10;
    if (memory !== undefined) return memory.distances[Math.min(a, b)] ?? 40;
    return socketOf(a) === socketOf(b) ? 12 : 21;
  };

  const files: Record<string, string> = {
    '/sys/devices/system/cpu/online': `0-${cores * threadsPerCore - 1}\n`,
    '/sys/devices/system/node/online': `0-${nodes - 1}\n`,
    '/sys/devices/system/node/has_cpu': `0-${cpuNodes - 1}\n`,
    '/sys/devices/system/node/has_memory': `0-${nodes - 1}\n`,
    '/sys/block/': '',
    '/proc/self/mountinfo': '',
    '/proc/self/cgroup': '',
    '/proc/self/status':
      `Cpus_allowed_list:\t${shape.allowedCpus ?? `0-${cores * threadsPerCore - 1}`}\n` +
      `Mems_allowed_list:\t${shape.allowedNodes ?? `0-${nodes - 1}`}\n`,
  };
  for (const node of range(nodes)) {
    const path = `/sys/devices/system/node/node${node}`;
    files[`${path}/cpulist`] = node < cpuNodes ? list(cpusOf(node)) : '\n';
    files[`${path}/distance`] = `${range(nodes)
      .map((to) => distance(node, to))
      .join(' ')}\n`;
    files[`${path}/meminfo`] =
      `Node ${node} MemTotal: 1048576 kB\nNode ${node} MemFree: 524288 kB\n`;
    const initiators = node < cpuNodes ? [node] : (memoryNodes[node - cpuNodes]?.initiators ?? []);
    for (const initiator of initiators) {
      files[`${path}/access1/initiators/node${initiator}`] = '';
    }
  }
  for (const core of range(cores)) {
    const node = Math.floor(core / coresPerNode);
    for (const cpu of threads(core)) {
      const path = `/sys/devices/system/cpu/cpu${cpu}`;
      if (packages) files[`${path}/topology/physical_package_id`] = `${socketOf(node)}\n`;
      files[`${path}/topology/thread_siblings_list`] = list(threads(core));
      const caches = [
        [1, 'Data', '48K', threads(core)],
        [1, 'Instruction', '32K', threads(core)],
        [2, 'Unified', '2048K', threads(core)],
        [3, 'Unified', '32768K', cpusOf(node)],
      ] as const;
      for (const [index, [level, type, size, cpus]] of caches.entries()) {
        files[`${path}/cache/index${index}/level`] = `${level}\n`;
        files[`${path}/cache/index${index}/type`] = `${type}\n`;
        files[`${path}/cache/index${index}/size`] = `${size}\n`;
        files[`${path}/cache/index${index}/shared_cpu_list`] = list(cpus);
      }
    }
  }
  return files;
}

/** A tree on disk (a path that ends in `/` is an empty directory), removed by {@link MachineTree.remove}. */
export class MachineTree {
  readonly root: string = mkdtempSync(join(tmpdir(), 'memory-tiers-numa-'));

  constructor(files: Readonly<Record<string, string>>) {
    this.write(files);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      if (path.endsWith('/')) mkdirSync(join(this.root, path), { recursive: true });
      else writeFileSync(join(this.root, path), content);
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }
}

/** What the native code makes of a machine of that shape. */
export function describeShape(shape: MachineShape): {
  readonly machine: MachineDescription;
  readonly topology: NumaTopology;
} {
  return describeFiles(machineFiles(shape));
}

/** The same from files. */
export function describeFiles(files: Readonly<Record<string, string>>): {
  readonly machine: MachineDescription;
  readonly topology: NumaTopology;
} {
  const tree = new MachineTree(files);
  try {
    const native = requireNative();
    const machine = native.describeMachine(tree.root);
    return { machine, topology: describeTopology(machine, native.describeCpus(tree.root)) };
  } finally {
    tree.remove();
  }
}

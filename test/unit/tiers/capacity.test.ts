import { expect, test } from 'vitest';
import {
  CapacityBudget,
  headroomBytes,
  usableBytes,
  usableMemoryBytes,
} from '../../../lib/tiers/capacity.ts';
import type {
  MachineDescription,
  NodeDescription,
} from '../../../lib/tiers/machine-description.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;

test.each([
  [512 * mib, Math.ceil(512 * mib * 0.03)],
  [gib, 100 * mib],
  [20 * gib, Math.ceil(20 * gib * 0.03)],
  [1024 * gib, 1500 * mib],
])('of %d bytes a share is kept free', (total, headroom) => {
  expect(headroomBytes(total)).toBe(headroom);
});

test('a full node has nothing to give', () => {
  expect(usableBytes(50 * mib, 16 * gib)).toBe(0);
});

function machineOf(
  nodes: Partial<NodeDescription>[],
  rest: Partial<MachineDescription> = {},
): MachineDescription {
  return {
    nodes: nodes.map((node, id) => ({
      id,
      cpus: [id],
      memoryBytes: 16 * gib,
      freeBytes: 8 * gib,
      distances: [],
      attributes: [],
      ...node,
    })),
    dax: [],
    blocks: [],
    allowedNodes: nodes.map((_, id) => id),
    allowedCpus: [0],
    memoryLimitBytes: null,
    memoryUsedBytes: null,
    permissions: { mbind: 0, movePages: 0, setMempolicy: 0, getMempolicy: 0 },
    userfaultfd: { via: 'syscall', errno: 0, recordsWrites: true },
    kernel: { release: '', numaBalancing: null, transparentHugePages: null, pageBytes: 4096 },
    unreadable: [],
    ...rest,
  };
}

test('memory of nodes that are not allowed does not count', () => {
  const one = usableMemoryBytes(machineOf([{}]));
  expect(usableMemoryBytes(machineOf([{}, {}]))).toBe(2 * one);
  expect(usableMemoryBytes(machineOf([{}, {}], { allowedNodes: [1] }))).toBe(one);
});

test('a cgroup limit bounds all nodes together', () => {
  const limited = machineOf([{}, {}], { memoryLimitBytes: gib, memoryUsedBytes: 512 * mib });
  expect(usableMemoryBytes(limited)).toBe(412 * mib);
});

test('what one tier takes is gone for the next, on the node and in sum', () => {
  const machine = machineOf([{}, {}]);
  const budget = new CapacityBudget(machine, 10 * gib);
  const node = { kind: 'memory', node: 0 } as const;
  const anywhere = { kind: 'memory', node: null } as const;
  budget.take(node, 5 * gib);
  expect(budget.left(node)).toBe(usableBytes(8 * gib, 16 * gib) - 5 * gib);
  expect(budget.left(anywhere)).toBe(5 * gib);
  budget.take(anywhere, 4 * gib);
  expect(budget.left({ kind: 'memory', node: 1 })).toBe(gib);
  expect(budget.left({ kind: 'memory', node: 7 })).toBe(0);
});

test('two tiers on one file system share it', () => {
  const budget = new CapacityBudget(null, 0);
  const disk = { kind: 'storage', id: '/dev/sda1', usableBytes: gib } as const;
  budget.take(disk, 600 * mib);
  expect(budget.left(disk)).toBe(gib - 600 * mib);
  expect(budget.left({ ...disk, id: '/dev/sdb1' })).toBe(gib);
});

/**
 * How much of a node, device or disk may be used.
 *
 * Binding to a full node ends in an OOM kill and a full disk in SIGBUS, so every budget is settled before
 * anything is touched, and head-room is left.
 */

import type { MachineDescription } from './machine-description.ts';
import { budgetStepBytes, type TierName } from './tier.ts';

const headroomShare = 0.03;
const headroomLeastBytes = 100 * 2 ** 20;
const headroomMostBytes = 1500 * 2 ** 20;

/** Share of what is usable that a tier takes when the caller names no capacity. */
export const defaultShares: Readonly<Record<TierName, number>> = {
  L0_HBM: 0.8,
  // The rest of the program and everybody else live here too.
  L1_DDR: 0.5,
  L2_CXL: 0.8,
  L3_PMEM: 0.8,
  L4_NVME: 0.5,
};

/** Bytes never given out of a resource of `totalBytes`: 3 %, and from 1 GiB on between 100 and 1500 MiB. */
export function headroomBytes(totalBytes: number): number {
  const share = Math.ceil(totalBytes * headroomShare);
  if (totalBytes < 2 ** 30) return share;
  return Math.min(Math.max(share, headroomLeastBytes), headroomMostBytes);
}

/** Free bytes less the head-room; never negative. */
export function usableBytes(freeBytes: number, totalBytes: number): number {
  return Math.max(0, freeBytes - headroomBytes(totalBytes));
}

/** The largest number of whole budget steps that is not above `bytes`. */
export function wholeSteps(bytes: number): number {
  return Math.floor(bytes / budgetStepBytes) * budgetStepBytes;
}

/** Bytes of memory the process may still take: all allowed nodes, within the cgroup's limit. */
export function usableMemoryBytes(machine: MachineDescription): number {
  let bytes = 0;
  for (const node of machine.nodes) {
    if (!isAllowed(machine, node.id)) continue;
    bytes += usableBytes(node.freeBytes, node.memoryBytes);
  }
  const { memoryLimitBytes, memoryUsedBytes } = machine;
  if (memoryLimitBytes === null) return bytes;
  return Math.min(bytes, usableBytes(memoryLimitBytes - (memoryUsedBytes ?? 0), memoryLimitBytes));
}

/** Whether the process may allocate on a node. An empty list means the kernel did not say. */
export function isAllowed(machine: MachineDescription, node: number): boolean {
  return machine.allowedNodes.length === 0 || machine.allowedNodes.includes(node);
}

/** Where bytes come from, as far as budgets are concerned. */
export type BudgetSource =
  | { readonly kind: 'memory'; readonly node: number | null }
  /** A file system or device; `id` tells two of them apart. */
  | { readonly kind: 'storage'; readonly id: string; readonly usableBytes: number };

/** What is left to give out while tiers are being sized. Memory is bounded per node and in sum. */
export class CapacityBudget {
  #memoryBytes: number;
  readonly #nodeBytes: Map<number, number> = new Map();
  readonly #storageBytes: Map<string, number> = new Map();

  /** @param memoryBytes - all the memory there is to give, when no machine description bounds it */
  constructor(machine: MachineDescription | null, memoryBytes: number) {
    this.#memoryBytes = memoryBytes;
    for (const node of machine?.nodes ?? []) {
      this.#nodeBytes.set(node.id, usableBytes(node.freeBytes, node.memoryBytes));
    }
  }

  /** Bytes that `source` can still give. */
  left(source: BudgetSource): number {
    if (source.kind === 'storage') {
      return this.#storageBytes.get(source.id) ?? source.usableBytes;
    }
    if (source.node === null) return this.#memoryBytes;
    return Math.min(this.#memoryBytes, this.#nodeBytes.get(source.node) ?? 0);
  }

  /** Takes bytes that {@link left} said were there. */
  take(source: BudgetSource, bytes: number): void {
    if (source.kind === 'storage') {
      this.#storageBytes.set(source.id, this.left(source) - bytes);
      return;
    }
    this.#memoryBytes -= bytes;
    if (source.node !== null) {
      this.#nodeBytes.set(source.node, (this.#nodeBytes.get(source.node) ?? 0) - bytes);
    }
  }
}

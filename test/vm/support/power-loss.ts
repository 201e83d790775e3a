/** What is written before the power is cut, and looked for afterwards. */

import type { TieredMemory } from '../../../dist/index.js';
import { machine } from './machine.ts';
import { pattern } from './memory.ts';

export const regionLength = 600_000;

/** A file on persistent memory, a device, and a file on a drive. */
export function regionPaths(): string[] {
  return [
    `${machine.pmemDirectory}/weights`,
    machine.pmemDevdax,
    `${machine.nvmeDirectory}/weights`,
  ];
}

/** Checkpoints on persistent memory and on the drive. */
export function files(): string[] {
  return [`${machine.pmemDirectory}/agent.checkpoint`, `${machine.nvmeDirectory}/agent.checkpoint`];
}

export function fillRegion(view: Float64Array): void {
  for (let i = 0; i < view.length; i++) view[i] = i * 0.5;
}

/** Objects of many sizes and types, on several tiers. */
export function fillStore(memory: TieredMemory, version: number): void {
  for (let i = 0; i < 400; i++) {
    memory.storeSync(content(i, version), {
      key: `value ${i}`,
      tierHint: i % 3 === 0 ? 'L3_PMEM' : 'L1_DDR',
    });
  }
  memory.storeSync(`version ${version}`, { key: 'version', tierHint: 'L0_HBM' });
}

export function content(i: number, version: number): Buffer {
  return pattern(i * 10 + version, i % 50 === 0 ? 300_000 : 4 * (i + 1));
}

/**
 * Size classes of small objects: multiples of 16 B up to 128 B, then four classes to a doubling up to
 * 1 MiB, so that rounding wastes at most a fifth of a slot. A slab holds slots of one class; it is the
 * smallest number of 64 KiB units that loses no more than an eighth to the remainder.
 */

import { budgetStepBytes } from '../tiers/tier.ts';

/** Granularity of slabs, which is that of budgets. */
export const unitBytes: number = budgetStepBytes;

/** Units in a 2 MiB chunk. */
export const unitsPerChunk = 32;

/** Largest value kept in a slab; larger ones get whole chunks of their own. */
export const maxSlabObjectBytes: number = 1024 * 1024;

/** Slots start at multiples of this, so that every typed array can view them. */
export const slotAlignment = 16;

const linearClasses = 8;
const linearShift = 7; // 128 = the last linear class
const stepsShift = 2;
const stepMask = (1 << stepsShift) - 1;

/** What a slab of a class looks like. */
export interface SizeClass {
  readonly index: number;
  readonly slotBytes: number;
  /** Slots in one slab. */
  readonly slots: number;
  /** 64 KiB units in one slab. */
  readonly units: number;
}

/** Index of the smallest class that holds `bytes`. REQUIRES: bytes <= maxSlabObjectBytes. */
export function classIndex(bytes: number): number {
  if (bytes <= linearClasses * slotAlignment) return bytes === 0 ? 0 : (bytes - 1) >>> 4;
  const last = bytes - 1;
  const shift = 31 - Math.clz32(last);
  const step = (last >>> (shift - stepsShift)) & stepMask;
  return linearClasses + ((shift - linearShift) << stepsShift) + step;
}

function slotBytesOf(index: number): number {
  if (index < linearClasses) return (index + 1) * slotAlignment;
  const shift = ((index - linearClasses) >>> stepsShift) + linearShift;
  const step = (index - linearClasses) & stepMask;
  return (1 << shift) + ((step + 1) << (shift - stepsShift));
}

function shapeOf(index: number): SizeClass {
  const slotBytes = slotBytesOf(index);
  for (let units = 1; ; units++) {
    const bytes = units * unitBytes;
    const slots = Math.floor(bytes / slotBytes);
    if (slots > 0 && (bytes - slots * slotBytes) * 8 <= bytes) {
      return { index, slotBytes, slots, units };
    }
  }
}

/** All classes, by index. */
export const sizeClasses: readonly SizeClass[] = Array.from(
  { length: classIndex(maxSlabObjectBytes) + 1 },
  (_, index) => shapeOf(index),
);

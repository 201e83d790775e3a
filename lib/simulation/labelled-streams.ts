/**
 * Accesses whose pattern is known, to measure by how much a detector is wrong: scans, strides and random accesses,
 * interleaved, with strangers between them and out of order. Deterministic.
 */

import { randomAccess, sequentialAccess, stridedAccess } from '../tracking/stream-classifier.ts';

/** What a stream is made of. */
export interface LabelledStreamSettings {
  readonly seed: number;
  /** Accesses. */
  readonly length: number;
  /** Scans at once: each goes through `scanLength` positions, then another begins somewhere else. Default 0. */
  readonly scans?: number | undefined;
  readonly scanLength?: number | undefined;
  /** Strided streams at once, of strides from 2 to 512 in either direction. Default 0. */
  readonly strides?: number | undefined;
  /** Share of random accesses, uniform over `space`. Default 0. */
  readonly noise?: number | undefined;
  /** Positions; scans and strides are spread over all of them. Default 2^24. */
  readonly space?: number | undefined;
  /** Random accesses go to this many positions only. Default: all. */
  readonly hotPositions?: number | undefined;
  /** Each access may come up to this many places later than it should. Default 0. */
  readonly reorder?: number | undefined;
}

/** Columns, a row an access; `label` is an index into `accessClasses`. */
export interface LabelledStream {
  readonly position: Float64Array;
  readonly label: Uint8Array;
}

interface Walker {
  at: number;
  stride: number;
  left: number;
}

/** A small generator of uniform numbers in [0, 1): mulberry32. */
export function uniformNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Makes a stream. */
export function labelledStream(settings: LabelledStreamSettings): LabelledStream {
  const { length, scans = 0, strides = 0, scanLength = 1000, noise = 0 } = settings;
  const { space = 2 ** 24, hotPositions = space, reorder = 0 } = settings;
  const uniform = uniformNumbers(settings.seed);
  const below = (n: number): number => Math.floor(uniform() * n);
  const begin = (isScan: boolean): Walker => {
    const stride = (isScan ? 1 : 2 + below(511)) * (uniform() < 0.25 ? -1 : 1);
    const steps = isScan ? scanLength : 100 + below(400);
    const at = below(space);
    // Backwards from far enough up, so that no position is negative.
    return { at: stride < 0 ? at + steps * -stride : at, stride, left: steps };
  };
  const walkers = Array.from({ length: scans + strides }, (_, i) => begin(i < scans));
  const position = new Float64Array(length);
  const label = new Uint8Array(length);
  for (let row = 0; row < length; row++) {
    if (walkers.length === 0 || uniform() < noise) {
      position[row] = below(hotPositions);
      label[row] = randomAccess;
      continue;
    }
    const which = below(walkers.length);
    const walker = walkers[which];
    position[row] = walker.at;
    label[row] = which < scans ? sequentialAccess : stridedAccess;
    walker.at += walker.stride;
    if (--walker.left === 0) walkers[which] = begin(which < scans);
  }
  if (reorder > 0) delay(position, label, reorder, uniform);
  return { position, label };
}

/** Puts rows in the order of their number plus a delay. */
function delay(
  position: Float64Array,
  label: Uint8Array,
  most: number,
  uniform: () => number,
): void {
  const due = Float64Array.from(position, (_, row) => row + uniform() * (most + 1));
  const order = Array.from(due, (_, row) => row).sort((a, b) => due[a] - due[b]);
  const [positions, labels] = [position.slice(), label.slice()];
  order.forEach((from, to) => {
    position[to] = positions[from];
    label[to] = labels[from];
  });
}

/**
 * What an access and a move cost by the tiers' figures, in modelled nanoseconds of the program's time.
 */

import type { TierState } from './policy.ts';

/**
 * Bytes one access is taken to touch at most. Small objects are read whole; of larger units a tracked access is a
 * page or less. Overstating it would favour moving, so it ends at a page.
 */
export const accessBytes = 4096;

/** Bookkeeping of one move (0.3-1.1 us a 4 KiB object, measured). */
export const moveOverheadNs = 300;
/** Remapping a chunk: 6.5-9.2 us per 2 MiB, measured with MAP_FIXED. */
export const remapNsPerByte: number = 9000 / (2 * 1024 * 1024);

/**
 * A tier slower than this is a device that is asked, not memory that is loaded from. Moves come in batches and a
 * device serves several requests at a time, so of its latency each move bears a sixteenth: the queue depth at which
 * NVMe drives reach most of their random-read rate. A load stalls the core that copies, and is charged in full.
 */
export const deviceLatencyNs = 2000;
export const deviceOverlap = 16;

function latencyShareNs(latencyNs: number): number {
  return latencyNs >= deviceLatencyNs ? latencyNs / deviceOverlap : latencyNs;
}

/** Modelled time of one access to a unit of `bytes` bytes; `writeShare` of the accesses are writes (0..1). */
export function accessNs(tier: TierState, bytes: number, writeShare: number): number {
  const touched = Math.min(bytes, accessBytes);
  const read = tier.readLatencyNs + (touched / tier.readBytesPerSecond) * 1e9;
  const write = tier.writeLatencyNs + (touched / tier.writeBytesPerSecond) * 1e9;
  return read + (write - read) * writeShare;
}

/** Modelled time of moving `bytes` bytes. */
export function moveNs(from: TierState, to: TierState, bytes: number): number {
  const bytesPerSecond = Math.min(from.readBytesPerSecond, to.writeBytesPerSecond);
  return (
    moveOverheadNs +
    remapNsPerByte * bytes +
    latencyShareNs(from.readLatencyNs) +
    latencyShareNs(to.writeLatencyNs) +
    (bytes / bytesPerSecond) * 1e9
  );
}

/**
 * Figures assumed for a tier until firmware, a measurement or the user says better.
 *
 * They describe hardware of each class as published, not this machine: every one of them carries the source
 * `default`, and `calibrate()` replaces it.
 */

import type { Figure, TierName, TierSpec } from './tier.ts';

const spec = (
  readLatencyNs: number,
  writeLatencyNs: number,
  readBytesPerSecond: number,
  writeBytesPerSecond: number,
  costPerGiBMonth: number,
): TierSpec => {
  const figure = (value: number): Figure => ({ value, source: 'default' });
  return {
    readLatencyNs: figure(readLatencyNs),
    writeLatencyNs: figure(writeLatencyNs),
    readBytesPerSecond: figure(readBytesPerSecond),
    writeBytesPerSecond: figure(writeBytesPerSecond),
    costPerGiBMonth: figure(costPerGiBMonth),
  };
};

/**
 * How often a day a solid-state drive of which nothing is known may be written full: the least that drives are sold
 * with. Client drives are rated 600 TBW a terabyte over five years (0.33), read-intensive ones of data centres from 0.3
 * for random writes to 1 for large ones (Micron 6500 ION; the workloads are those of JESD219). Too little costs speed,
 * and stats() says so; too much would cost somebody their drive, and nothing would say so.
 *
 * It counts by the drive and not by what a tier uses of it: wear is levelled over all of it.
 */
export const driveWritesPerDay = 0.3;

/** Default figures by tier. Costs are relative to DDR. */
export const defaultSpecs: Readonly<Record<TierName, TierSpec>> = {
  // HBM3e: 3.2 TB/s over a package's stacks. Latency is above DDR's, as measured by Intel's MLC on
  // Xeon Max in flat mode (about 130 against 110 ns).
  L0_HBM: spec(120, 120, 3.2e12, 3.2e12, 10),
  // Three to four DDR5 channels; an idle local load on current servers takes 90-120 ns.
  L1_DDR: spec(100, 100, 100e9, 100e9, 1),
  // CXL 2.0 over x16 PCIe 5.0 moves 64 GB/s a direction; a load through it takes 170-400 ns
  // (Sun et al., "Demystifying CXL Memory", MICRO 2023).
  L2_CXL: spec(250, 250, 64e9, 64e9, 0.5),
  // Optane DC: 305 ns random read (Izraelevitz et al., arXiv:1903.05714); a write returns early but
  // sustains a third of the read rate, which the higher write latency stands for.
  L3_PMEM: spec(350, 500, 10e9, 10e9, 0.2),
  // PCIe 4.0 x4 drives: 7 GB/s read, 5 GB/s written, 80 us for a random 4 KiB read. A store to a page
  // that is not in memory reads it first, so a write costs at least as much.
  L4_NVME: spec(80_000, 80_000, 7e9, 5e9, 0.1),
};

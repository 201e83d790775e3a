/**
 * What an access and a move cost by the tiers' figures, in modelled nanoseconds of the program's time. The policies
 * decide by it and the simulator charges by it, so that what a plan promises is what a simulation counts.
 */

/** Figures of a tier that time depends on. */
export interface TierSpeed {
  readonly readLatencyNs: number;
  readonly writeLatencyNs: number;
  readonly readBytesPerSecond: number;
  readonly writeBytesPerSecond: number;
}

/** What the tiers' own figures do not say. */
export interface CostModel {
  /** Bytes one access touches at most; smaller units are read whole. `Infinity`: always whole units. */
  readonly accessBytes: number;
  /** Bookkeeping of one move. */
  readonly moveOverheadNs: number;
  /** Work of a move that grows with its bytes, besides copying them. */
  readonly moveNsPerByte: number;
  /** Moves a device serves at a time: each bears this fraction of its latency. */
  readonly deviceOverlap: number;
}

/**
 * The costs of this library's own moves. A tracked access is a page or less: overstating it would favour moving.
 * 0.3-1.1 us a 4 KiB object and 6.5-9.2 us a remapped chunk are measured. Moves come in batches, and 16 is the queue
 * depth at which NVMe drives reach most of their random-read rate.
 */
export const defaultCosts: CostModel = {
  accessBytes: 4096,
  moveOverheadNs: 300,
  moveNsPerByte: 9000 / (2 * 1024 * 1024),
  deviceOverlap: 16,
};

/**
 * A tier slower than this is a device that is asked, not memory that is loaded from. A load stalls the core that
 * copies, and is charged in full whatever {@link CostModel.deviceOverlap} says.
 */
export const deviceLatencyNs = 2000;

/** Modelled time of one access to a unit of `bytes` bytes; `writeShare` of the accesses are writes (0..1). */
export function accessNs(
  tier: TierSpeed,
  bytes: number,
  writeShare: number,
  costs: CostModel,
): number {
  const touched = Math.min(bytes, costs.accessBytes);
  const read = tier.readLatencyNs + (touched / tier.readBytesPerSecond) * 1e9;
  const write = tier.writeLatencyNs + (touched / tier.writeBytesPerSecond) * 1e9;
  return read + (write - read) * writeShare;
}

/** Modelled time of moving `bytes` bytes. */
export function moveNs(from: TierSpeed, to: TierSpeed, bytes: number, costs: CostModel): number {
  const bytesPerSecond = Math.min(from.readBytesPerSecond, to.writeBytesPerSecond);
  return (
    costs.moveOverheadNs +
    costs.moveNsPerByte * bytes +
    latencyShareNs(from.readLatencyNs, costs) +
    latencyShareNs(to.writeLatencyNs, costs) +
    (bytes / bytesPerSecond) * 1e9
  );
}

function latencyShareNs(latencyNs: number, costs: CostModel): number {
  return latencyNs >= deviceLatencyNs ? latencyNs / costs.deviceOverlap : latencyNs;
}

/**
 * What was read ahead, and whether it was of use: every range is on its way until its read ends or somebody accesses
 * it, and of use or not by whether somebody does before it is long past. Bounded; arithmetic only.
 */

/** What reading ahead has done so far. `issuedBytes` is the other three and what may still be accessed. */
export interface PrefetchStats {
  /** Streams of accesses found: in address order, or a constant stride apart. */
  readonly streams: number;
  /** Bytes that were asked for ahead of an access, whether or not they had to be read. */
  readonly issuedBytes: number;
  /** Those of them that were accessed later, by what was reported; in steps of up to 64 KiB. */
  readonly usefulBytes: number;
  /** Those that were not, until they were forgotten for others: the last 256 MiB or so are remembered. */
  readonly wastedBytes: number;
  /** Bytes on their way now. */
  readonly inFlightBytes: number;
  /** Bytes hinted at that wait for others to arrive. */
  readonly queuedBytes: number;
  /** Reads that failed. Whoever accesses the bytes is told why. */
  readonly errors: number;
}

/** A read that was begun. */
export interface Reading {
  readonly from: number;
  readonly to: number;
  /** It has ended, or the program is there already. */
  landed: boolean;
}

/** Bytes of one block that were read ahead and not accessed yet. */
interface Share {
  bytes: number;
  reading: Reading;
}

const blockBytes = 64 * 1024;
const maxBlocks = 4096;

/** Ranges are bytes in one address space. */
export class ReadAheadLedger {
  issuedBytes = 0;
  usefulBytes = 0;
  wastedBytes = 0;
  inFlightBytes = 0;
  errors = 0;
  /** Reads on their way. */
  readings = 0;
  /** By block number, oldest first. */
  readonly #shares: Map<number, Share> = new Map();

  /** A read was begun. */
  begin(from: number, to: number): Reading {
    const reading = { from, to, landed: false };
    this.issuedBytes += to - from;
    this.inFlightBytes += to - from;
    this.readings++;
    for (let block = Math.floor(from / blockBytes); block * blockBytes < to; block++) {
      const bytes = Math.min(to, (block + 1) * blockBytes) - Math.max(from, block * blockBytes);
      const share = this.#shares.get(block);
      if (share === undefined) this.#shares.set(block, { bytes, reading });
      else {
        share.bytes += bytes;
        share.reading = reading;
      }
    }
    this.#forgetOldest();
    return reading;
  }

  /** It ended. */
  end(reading: Reading, failed: boolean): void {
    this.#land(reading);
    if (failed) this.errors++;
  }

  /** An access. Returns how many of its bytes had been read ahead, block by block. */
  accessed(from: number, to: number): number {
    if (this.#shares.size === 0) return 0;
    let useful = 0;
    for (let block = Math.floor(from / blockBytes); block * blockBytes < to; block++) {
      const share = this.#shares.get(block);
      if (share === undefined) continue;
      useful += share.bytes;
      this.#shares.delete(block);
      // A program that never yields would else have all its room taken by reads whose end it is not told of.
      this.#land(share.reading);
    }
    this.usefulBytes += useful;
    return useful;
  }

  #land(reading: Reading): void {
    if (reading.landed) return;
    reading.landed = true;
    this.inFlightBytes -= reading.to - reading.from;
    this.readings--;
  }

  #forgetOldest(): void {
    for (const [block, { bytes }] of this.#shares) {
      if (this.#shares.size <= maxBlocks) return;
      this.wastedBytes += bytes;
      this.#shares.delete(block);
    }
  }
}

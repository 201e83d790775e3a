/**
 * Finds streams in a sequence of accesses, and says what to read before they get there: accesses in address order,
 * forwards or backwards, and accesses a constant stride apart. Offsets are bytes in any one address space. Arithmetic
 * only; an access costs about as much as looking at a few dozen numbers. What kind of access each one is, without
 * anything to read, is cheaper and less easily disturbed: stream-classifier.ts.
 *
 * The window of a stream follows the kernel's read-ahead (Linux, mm/readahead.c): it starts small, doubles each time
 * the stream has used half of it, and is gone with the stream. Unlike the kernel's there is one for each of several
 * interleaved streams, and it knows strides.
 */

/** What to read: `pieces` times `byteLength` bytes, the first at `offset`, each `stride` bytes after the one before. */
export interface ReadAhead {
  readonly offset: number;
  readonly byteLength: number;
  /** Negative for a stream that goes backwards. */
  readonly stride: number;
  readonly pieces: number;
}

/** Options of {@link StreamDetector}. */
export interface StreamDetectorOptions {
  /** Streams followed at once; the one that was quiet longest makes room for a new one. @default 16 */
  readonly streams?: number;
  /** First window of a stream. @default 128 KiB, as the kernel's */
  readonly minWindowBytes?: number;
  /** Largest window. @default 8 MiB */
  readonly maxWindowBytes?: number;
  /** Look for strides with holes, too: most of what an access of no stream costs. @default true */
  readonly strides?: boolean;
}

/** Accesses remembered that belong to no stream yet: enough to find five interleaved strided streams. */
const historyLength = 16;
/** Holes up to this size are read along: one long read costs less than several short ones. */
const maxHoleBytes = 16 * 1024;
/** Wider than this a stride is a coincidence. */
const maxStrideBytes = 64 * 1024 * 1024;
/** A step this much too far is the same stream with something left out. */
const maxGapBytes = 64 * 1024;
const maxGapSteps = 4;
/** Pieces ahead of a stream with holes, at first and at most. */
const minPieces = 4;
const maxPieces = 32;
/** Less than this is not worth a read of its own. */
const minReadBytes = 32 * 1024;
/** Belief in a stream: what it starts with, and the most. A gap costs one, a step as expected brings one. */
const firstConfidence = 2;
const maxConfidence = 4;

class Stream {
  offset = 0;
  byteLength = 0;
  /** Distance from one access to the next, of either sign. */
  stride = 0;
  confidence = 0;
  /** Bytes to be ahead, for a stream read in one piece. */
  windowBytes = 0;
  /** Accesses to be ahead, for a stream with holes. */
  windowPieces = 0;
  /** Everything up to here was asked for: the far end of the last range, or the offset of the last piece. */
  ahead = 0;
  usedAt = 0;

  /** Whether everything between its accesses is read, too. */
  get isDense(): boolean {
    return Math.abs(this.stride) - this.byteLength <= maxHoleBytes;
  }

  /** Whether an access is the next one. */
  continues(offset: number, byteLength: number): boolean {
    if (offset - this.offset === this.stride) return true;
    if (!this.isDense) return false;
    const end = this.offset + this.byteLength;
    // What overlaps the last access counts when it goes on beyond it.
    return this.stride > 0
      ? offset > this.offset && offset <= end && offset + byteLength > end
      : offset < this.offset && offset + byteLength >= this.offset;
  }

  /** Whether an access is one of the next few, after some that were left out. */
  skipsTo(offset: number, byteLength: number): boolean {
    const forward = this.stride > 0;
    if (this.isDense) {
      const gap = forward
        ? offset - this.offset - this.byteLength
        : this.offset - offset - byteLength;
      return gap > 0 && gap <= Math.max(maxGapBytes, maxGapSteps * byteLength);
    }
    const steps = (offset - this.offset) / this.stride;
    return steps > 1 && steps <= maxGapSteps && Number.isInteger(steps);
  }
}

/** Follows the streams in one address space. */
export class StreamDetector {
  readonly #streams: Stream[] = [];
  readonly #maxStreams: number;
  readonly #minWindowBytes: number;
  readonly #maxWindowBytes: number;
  readonly #strides: boolean;
  /** Accesses of no stream, a ring: offsets and where they end. */
  readonly #offsets: Float64Array = new Float64Array(historyLength).fill(Number.NaN);
  readonly #ends: Float64Array = new Float64Array(historyLength).fill(Number.NaN);
  #historyAt = 0;
  #clock = 0;
  #found = 0;

  constructor(options: StreamDetectorOptions = {}) {
    this.#maxStreams = options.streams ?? 16;
    this.#strides = options.strides ?? true;
    this.#maxWindowBytes = options.maxWindowBytes ?? 8 * 1024 * 1024;
    this.#minWindowBytes = Math.min(options.minWindowBytes ?? 128 * 1024, this.#maxWindowBytes);
  }

  /** Streams found so far. */
  get found(): number {
    return this.#found;
  }

  /**
   * Takes note of an access. Returns what to read now so that the stream it belongs to does not have to wait, at most
   * `roomBytes`; undefined when it belongs to none, or enough is on its way. A stream that begins here has a window of
   * `windowBytes`, as far as the largest allows: for who knows that it will go on.
   */
  access(
    offset: number,
    byteLength: number,
    roomBytes: number = Number.POSITIVE_INFINITY,
    windowBytes: number = this.#minWindowBytes,
  ): ReadAhead | undefined {
    const clock = ++this.#clock;
    let skipping: Stream | undefined;
    for (const stream of this.#streams) {
      if (stream.continues(offset, byteLength)) {
        stream.confidence = Math.min(maxConfidence, stream.confidence + 1);
        return this.#advance(stream, offset, byteLength, roomBytes);
      }
      if (offset === stream.offset) {
        stream.usedAt = clock;
        return undefined;
      }
      if (stream.skipsTo(offset, byteLength)) skipping = stream;
    }
    if (skipping !== undefined) {
      if (--skipping.confidence > 0) return this.#advance(skipping, offset, byteLength, roomBytes);
      // It goes on as an access of no stream; a new one starts with a small window.
      this.#streams.splice(this.#streams.indexOf(skipping), 1);
    }
    const stride = this.#strideTo(offset, byteLength);
    if (stride === 0) {
      this.#remember(offset, byteLength);
      return undefined;
    }
    const stream = this.#begin(stride, offset, byteLength, windowBytes);
    return this.#advance(stream, offset, byteLength, roomBytes);
  }

  /**
   * The stride at which remembered accesses lead to this one, 0 for none: three in address order without a hole
   * between them, or four at any constant stride. Three at a stride are too often chance.
   */
  #strideTo(offset: number, byteLength: number): number {
    const before = this.#neighbour(offset, offset + byteLength, 1);
    if (before >= 0 && this.#neighbour(this.#offsets[before], this.#ends[before], 1) >= 0) {
      return byteLength;
    }
    const after = this.#neighbour(offset, offset + byteLength, -1);
    if (after >= 0 && this.#neighbour(this.#offsets[after], this.#ends[after], -1) >= 0) {
      return -byteLength;
    }
    if (!this.#strides) return 0;
    for (let i = 0; i < historyLength; i++) {
      const stride = offset - this.#offsets[i];
      // Also when there is nothing there.
      if (!(stride !== 0 && Math.abs(stride) <= maxStrideBytes)) continue;
      const isStride =
        this.#offsets.includes(this.#offsets[i] - stride) &&
        this.#offsets.includes(this.#offsets[i] - 2 * stride);
      if (isStride) return stride;
    }
    return 0;
  }

  /** The nearest remembered access that one in a direction follows without a hole; -1 for none. */
  #neighbour(offset: number, end: number, direction: 1 | -1): number {
    const offsets = this.#offsets;
    const ends = this.#ends;
    let nearest = -1;
    for (let i = 0; i < historyLength; i++) {
      const follows =
        direction === 1
          ? offsets[i] < offset && offset <= ends[i] && end > ends[i]
          : offset < offsets[i] && offsets[i] <= end && end < ends[i];
      if (!follows) continue;
      if (nearest < 0 || (offsets[i] - offsets[nearest]) * direction > 0) nearest = i;
    }
    return nearest;
  }

  #remember(offset: number, byteLength: number): void {
    // Again and again the same is one access.
    if (this.#offsets.includes(offset)) return;
    this.#offsets[this.#historyAt] = offset;
    this.#ends[this.#historyAt] = offset + byteLength;
    this.#historyAt = (this.#historyAt + 1) % historyLength;
  }

  #begin(stride: number, offset: number, byteLength: number, minWindowBytes: number): Stream {
    this.#found++;
    const stream = this.#vacantStream();
    stream.byteLength = byteLength;
    stream.stride = stride;
    stream.confidence = firstConfidence;
    const windowBytes = Math.max(minWindowBytes, 2 * byteLength);
    stream.windowBytes = Math.min(windowBytes, this.#maxWindowBytes);
    stream.windowPieces = minPieces;
    stream.ahead = stride > 0 && stream.isDense ? offset + byteLength : offset;
    return stream;
  }

  #vacantStream(): Stream {
    const streams = this.#streams;
    if (streams.length < this.#maxStreams) {
      const stream = new Stream();
      streams.push(stream);
      return stream;
    }
    return streams.reduce((oldest, stream) => (stream.usedAt < oldest.usedAt ? stream : oldest));
  }

  #advance(
    stream: Stream,
    offset: number,
    byteLength: number,
    roomBytes: number,
  ): ReadAhead | undefined {
    stream.offset = offset;
    stream.byteLength = byteLength;
    stream.usedAt = this.#clock;
    return stream.isDense ? this.#range(stream, roomBytes) : this.#pieces(stream, roomBytes);
  }

  #range(stream: Stream, roomBytes: number): ReadAhead | undefined {
    const forward = stream.stride > 0;
    const position = forward ? stream.offset + stream.byteLength : stream.offset;
    // The stream overtook what was read.
    if (forward !== stream.ahead > position) stream.ahead = position;
    const have = Math.abs(stream.ahead - position);
    if (have > stream.windowBytes / 2) return undefined;
    const byteLength = Math.min(stream.windowBytes - have, roomBytes);
    if (byteLength < Math.min(minReadBytes, this.#minWindowBytes)) return undefined;
    const offset = forward ? stream.ahead : stream.ahead - byteLength;
    stream.ahead = forward ? offset + byteLength : offset;
    stream.windowBytes = Math.min(2 * stream.windowBytes, this.#maxWindowBytes);
    return { offset, byteLength, stride: forward ? byteLength : -byteLength, pieces: 1 };
  }

  #pieces(stream: Stream, roomBytes: number): ReadAhead | undefined {
    const { offset, byteLength, stride } = stream;
    const have = Math.max(0, Math.round((stream.ahead - offset) / stride));
    const window = Math.min(stream.windowPieces, Math.floor(this.#maxWindowBytes / byteLength));
    if (have > window / 2) return undefined;
    const pieces = Math.min(window - have, Math.floor(roomBytes / byteLength));
    if (pieces < 1) return undefined;
    stream.ahead = offset + (have + pieces) * stride;
    stream.windowPieces = Math.min(2 * stream.windowPieces, maxPieces);
    return { offset: offset + (have + 1) * stride, byteLength, stride, pieces };
  }
}

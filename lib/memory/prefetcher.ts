/**
 * Reads ahead of the program on tiers of files: what its accesses show it will need next, and what it says it will.
 *
 * Only files behind the page cache are read ahead. Memory has its bytes where they are used, and so has persistent
 * memory mapped with DAX: a fault there maps a page and reads nothing. Reads go to the thread pool; nothing waits for
 * them, not even who frees or moves what is read, and nothing comes of one that fails: whoever accesses the bytes is
 * told why.
 */

import { chunkBytes } from '../native.ts';
import { type ReadAhead, StreamDetector } from '../tracking/access-pattern.ts';
import type { BackendState } from './backend-set.ts';
import type { ByteRange } from './byte-ranges.ts';
import type { LargeObject } from './large-object.ts';
import type { ObjectSpace } from './object-space.ts';
import { type PrefetchStats, ReadAheadLedger, type Reading } from './read-ahead-ledger.ts';
import { patternOfLarge } from './region-patterns.ts';

/** What a store is to read ahead. */
export interface PrefetchSettings {
  /** Watch accesses for streams; otherwise only hints are followed. */
  readonly detect: boolean;
  /** Most bytes on their way at once. */
  readonly maxBytes: number;
}

/** A range someone will need, in bytes of the address window. */
interface Hint extends ByteRange {
  /** The region it is in; undefined for values. */
  readonly region: LargeObject | undefined;
}

const pageBytes = 4096;
/** A stream is at most this far behind what is read for it. */
const maxWindowBytes = 8 * 1024 * 1024;
/** First window of a stream in a region that is used in order: it was a scan the last times, too. */
const knownWindowBytes = 1024 * 1024;
/** An access this large is a stream of its own: its end is read while its beginning is used. */
const longBytes = 256 * 1024;
/** Hints this close to each other are read as one. */
const maxHoleBytes = 16 * 1024;
/** Reads begun at once: each costs this thread some microseconds. */
const maxReadings = 64;
/** More hints than this are not kept. */
const maxHints = 65_536;

/** Nothing was read ahead, where there is no file to read. */
export const noPrefetch: PrefetchStats = {
  streams: 0,
  issuedBytes: 0,
  usefulBytes: 0,
  wastedBytes: 0,
  inFlightBytes: 0,
  queuedBytes: 0,
  errors: 0,
};

function isPageCached({ config }: BackendState): boolean {
  return config.kind === 'file' && config.dax !== true;
}

/** The prefetcher of one store. */
export class Prefetcher {
  readonly #space: ObjectSpace;
  readonly #settings: PrefetchSettings;
  /** Without strides: a read of its own for each object costs this thread ten times what one in memory does. */
  readonly #smallStreams: StreamDetector;
  readonly #largeStreams: StreamDetector;
  readonly #ledger: ReadAheadLedger = new ReadAheadLedger();
  /** By backend index: whether its chunks are read ahead. */
  readonly #isPageCached: readonly boolean[];
  /** Oldest first; those before `#nextHint` are done. */
  #hints: Hint[] = [];
  #nextHint = 0;
  #queuedBytes = 0;
  /** Page of the small object accessed last: its neighbours are the same access. */
  #lastPage = -1;

  private constructor(space: ObjectSpace, settings: PrefetchSettings) {
    this.#space = space;
    this.#settings = settings;
    const options = { maxWindowBytes: Math.min(maxWindowBytes, settings.maxBytes) };
    this.#smallStreams = new StreamDetector({ ...options, strides: false });
    this.#largeStreams = new StreamDetector(options);
    this.#isPageCached = space.set.all.map(isPageCached);
  }

  /** The prefetcher of a store; undefined when none of its tiers has anything to read ahead. */
  static of(space: ObjectSpace, settings: PrefetchSettings | undefined): Prefetcher | undefined {
    if (settings === undefined || !space.set.all.some(isPageCached)) return undefined;
    return new Prefetcher(space, settings);
  }

  /** Totals since the start. */
  stats(): PrefetchStats {
    const { issuedBytes, usefulBytes, wastedBytes, inFlightBytes, errors } = this.#ledger;
    return {
      streams: this.#smallStreams.found + this.#largeStreams.found,
      issuedBytes,
      usefulBytes,
      wastedBytes,
      inFlightBytes,
      queuedBytes: this.#queuedBytes,
      errors,
    };
  }

  // --- accesses -----------------------------------------------------------------------------------------

  /** A small object is about to be read, for the first time since the last plan. */
  sawSmall(id: number): void {
    const chunk = this.#space.chunkOf(id);
    if (!this.#isPageCached[this.#space.set.backendOf(chunk).index]) return;
    const offset = chunk * chunkBytes + this.#space.byteOffsetOf(id);
    const page = Math.floor(offset / pageBytes);
    if (page === this.#lastPage) return;
    this.#lastPage = page;
    const end = offset + this.#space.byteLength(id);
    const to = Math.ceil(end / pageBytes) * pageBytes;
    const next = this.#follow(this.#smallStreams, page * pageBytes, to);
    if (next !== undefined) this.#readPieces(next, undefined);
  }

  /** A part of a large object is about to be used. Tell it before the access is counted. */
  sawLarge(object: LargeObject, byteOffset: number, byteLength: number): void {
    const index = Math.floor(byteOffset / chunkBytes);
    if (byteLength === 0 || !this.#isAnyPageCached(object, byteOffset, byteLength)) return;
    const from = object.firstChunk * chunkBytes + byteOffset;
    const region = object.exposed ? object : undefined;
    // What is used again and again is in memory already.
    const isFirst = object.reads[index] === 0 && object.writes[index] === 0;
    const { usefulBytes } = this.#ledger;
    const known = patternOfLarge(object);
    if (known?.source === 'declared' && known.pattern === 'random') {
      this.#ledger.accessed(from, from + byteLength);
      return;
    }
    const windowBytes = known?.pattern === 'sequential' ? knownWindowBytes : undefined;
    const next = this.#follow(this.#largeStreams, from, from + byteLength, windowBytes);
    if (next !== undefined) this.#readPieces(next, region);
    const isKnown = next !== undefined || this.#ledger.usefulBytes > usefulBytes;
    if (this.#settings.detect && isFirst && !isKnown && byteLength >= longBytes) {
      this.#read(from, from + Math.min(byteLength, this.#roomBytes), region);
    }
  }

  // --- hints --------------------------------------------------------------------------------------------

  /** These objects will be read soon. O(objects); nothing is read for those in memory. */
  hintObjects(ids: Iterable<number>): void {
    const space = this.#space;
    const ranges: ByteRange[] = [];
    for (const id of ids) {
      const chunk = space.chunkOf(id);
      const isSmall = space.largeOf(id) === undefined;
      // A large value can begin in memory and go on in a file.
      if (isSmall && !this.#isPageCached[space.set.backendOf(chunk).index]) continue;
      const from = chunk * chunkBytes + (isSmall ? space.byteOffsetOf(id) : 0);
      ranges.push({ from, to: from + space.byteLength(id) });
    }
    ranges.sort((a, b) => a.from - b.from);
    for (let i = 0; i < ranges.length; ) {
      const { from } = ranges[i];
      let { to } = ranges[i++];
      while (i < ranges.length && ranges[i].from - to <= maxHoleBytes) {
        to = Math.max(to, ranges[i++].to);
      }
      this.#addHint({ from, to, region: undefined });
    }
    this.#followHints();
  }

  /** A part of a region will be used soon. */
  hintRegion(region: LargeObject, byteOffset: number, byteLength: number): void {
    const from = region.firstChunk * chunkBytes + byteOffset;
    this.#addHint({ from, to: from + byteLength, region });
    this.#followHints();
  }

  /** Nothing more is begun. REQUIRES: nobody asks for anything any more. */
  close(): void {
    this.#hints = [];
    this.#nextHint = 0;
    this.#queuedBytes = 0;
  }

  // --- inside -------------------------------------------------------------------------------------------

  get #roomBytes(): number {
    if (this.#ledger.readings >= maxReadings) return 0;
    return Math.max(0, this.#settings.maxBytes - this.#ledger.inFlightBytes);
  }

  /** Takes note of an access; what to read because of it. */
  #follow(
    streams: StreamDetector,
    from: number,
    to: number,
    windowBytes?: number,
  ): ReadAhead | undefined {
    this.#ledger.accessed(from, to);
    if (!this.#settings.detect) return undefined;
    return streams.access(from, to - from, this.#roomBytes, windowBytes);
  }

  #readPieces(
    { offset, byteLength, stride, pieces }: ReadAhead,
    region: LargeObject | undefined,
  ): void {
    for (let i = 0; i < pieces; i++) {
      const from = offset + i * stride;
      this.#read(from, from + byteLength, region);
    }
  }

  /** Begins to read what is in files of a range of addresses, chunk by chunk: the pool's threads share them. */
  #read(from: number, to: number, region: LargeObject | undefined): void {
    const first = Math.max(0, Math.floor(from / pageBytes) * pageBytes);
    for (let at = first; at < to; ) {
      const chunk = Math.floor(at / chunkBytes);
      const border = (chunk + 1) * chunkBytes;
      const end = Math.min(border, Math.ceil(to / pageBytes) * pageBytes);
      this.#readChunk(chunk, at, end, region);
      at = border;
    }
  }

  #readChunk(chunk: number, from: number, to: number, region: LargeObject | undefined): void {
    const { set, largeOfChunk, allocators } = this.#space;
    const backend: BackendState | undefined = set.backendOf(chunk);
    if (backend === undefined || !this.#isPageCached[backend.index]) return;
    const large = largeOfChunk.get(chunk);
    if (large === undefined) {
      if (region !== undefined || !allocators[backend.index].holds(chunk)) return;
      this.#prefault(chunk, from, to);
      return;
    }
    // A region ends where it ends; what lies behind it is somebody else's. While a chunk moves, it is left alone.
    if (large.moving || (large.exposed && large !== region)) return;
    if (region !== undefined && large !== region) return;
    const end = large.firstChunk * chunkBytes + large.byteLength;
    this.#prefault(large.firstChunk, from, Math.min(to, end));
  }

  #prefault(run: number, from: number, to: number): void {
    if (to <= from) return;
    const reading = this.#ledger.begin(from, to);
    try {
      this.#space.set.heap.prefault(run, from - run * chunkBytes, to - from).then(
        () => this.#ended(reading, false),
        () => this.#ended(reading, true),
      );
    } catch {
      this.#ledger.end(reading, true);
    }
  }

  #ended(reading: Reading, failed: boolean): void {
    this.#ledger.end(reading, failed);
    this.#followHints();
  }

  #isAnyPageCached({ firstChunk }: LargeObject, byteOffset: number, byteLength: number): boolean {
    const { set } = this.#space;
    const last = firstChunk + Math.floor((byteOffset + byteLength - 1) / chunkBytes);
    for (let at = firstChunk + Math.floor(byteOffset / chunkBytes); at <= last; at++) {
      if (this.#isPageCached[set.backendOf(at).index]) return true;
    }
    return false;
  }

  #addHint(hint: Hint): void {
    if (this.#hints.length - this.#nextHint >= maxHints) return;
    this.#hints.push(hint);
    this.#queuedBytes += hint.to - hint.from;
  }

  /** Begins what was hinted at and has room. Half of the room is left to streams. */
  #followHints(): void {
    while (this.#nextHint < this.#hints.length) {
      const hint = this.#hints[this.#nextHint];
      const room = this.#settings.maxBytes / 2 - this.#ledger.inFlightBytes;
      if (room <= 0 || this.#ledger.readings >= maxReadings / 2) return;
      const to = Math.min(hint.to, hint.from + Math.max(room, pageBytes));
      this.#queuedBytes -= to - hint.from;
      if (to < hint.to) this.#hints[this.#nextHint] = { ...hint, from: to };
      else this.#nextHint++;
      this.#read(hint.from, to, hint.region);
    }
    this.#hints = [];
    this.#nextHint = 0;
  }
}

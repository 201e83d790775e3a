/**
 * Accesses through the live views of regions, which no code of ours sees: the kernel is asked, off the main thread,
 * at intervals that keep the cost within a budget. What it found becomes heat like any reported access.
 *
 * Nothing is opened before there is a region, and nothing runs while there is none.
 */

import { chunkBytes } from '../native.ts';
import { type SliceClock, Slices } from '../slices.ts';
import type { Limit } from '../tiers/tier.ts';
import type { HeatLedger } from './heat-ledger.ts';
import type { HotnessProbe, HotnessSample, HotnessSourceKind } from './hotness-binding.ts';
import { HotnessLadder, type UnusedSource } from './hotness-ladder.ts';
import { HotnessPace } from './hotness-pace.ts';
import { type Finding, HotnessSources } from './hotness-sources.ts';
import type { ObjectSpace } from './object-space.ts';
import { WatchList } from './watch-list.ts';

/** What tracking may cost and use. */
export interface TrackingSettings {
  /** Share of one core. */
  readonly overhead: number;
  /** The kinds that may be used; undefined for those that pay. */
  readonly sources: readonly HotnessSourceKind[] | undefined;
}

/** What tracking through the kernel does and costs. */
export interface TrackingStats {
  /** Sources at work; empty while there is no region. */
  readonly sources: readonly HotnessSourceKind[];
  /** The others, and why. */
  readonly unused: readonly UnusedSource[];
  /** Milliseconds from one look to the next, as tuned last. */
  readonly intervalMs: number;
  /** CPU time so far as a share of one core since the first region: looks, kernel threads, page faults they cause. */
  readonly costShare: number;
  /** Looks that found out something, if only that nothing was accessed. */
  readonly collections: number;
  /** Chunks watched at present, of `regionChunks`; fewer when looking at all would cost too much. */
  readonly watchedChunks: number;
  readonly regionChunks: number;
  /** Looks and openings that failed. */
  readonly errors: number;
  readonly lastError: string | undefined;
}

/** What the tracker works with. */
export interface HotnessParts {
  readonly space: ObjectSpace;
  readonly ledger: HeatLedger;
  /** Which sources work here; called once, when first needed. */
  readonly probe: () => readonly HotnessProbe[];
  /** Where the main thread's share is noted. */
  readonly sliceClock: SliceClock;
}

/** The kind that costs by the second and not by the look. */
const runsAllTheTime: HotnessSourceKind = 'damon';
/** A look with it waits 0.1 to 0.3 s for the kernel, on a thread of the pool. */
const leastMsWithIt = 1000;
/** A page that was write-protected cost its writer a fault: 1.4 us, measured on Linux 6.18. */
const faultNs: Readonly<Partial<Record<HotnessSourceKind, number>>> = { 'write-protect': 1400 };

const pagesPerChunk = chunkBytes / 4096;

interface Accesses {
  reads: number;
  /** Accesses that may be either. */
  either: number;
  writes: number;
}

/** The tracker of one store. */
export class KernelHotness {
  readonly #parts: HotnessParts;
  readonly #settings: TrackingSettings;
  readonly #pace: HotnessPace;
  readonly #list: WatchList;
  #ladder: HotnessLadder | undefined;
  #sources: HotnessSources | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The look under way, and how many want none to begin. */
  #look: Promise<void> | undefined;
  #heldOff = 0;
  #closed = false;
  /** When the first region came, and when the last look ended. */
  #startNs: number | undefined;
  #lastNs = 0;
  #costNs = 0;
  #collections = 0;

  constructor(parts: HotnessParts, settings: TrackingSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#pace = new HotnessPace(settings.overhead);
    this.#list = new WatchList(parts.space);
  }

  /** There is a new region. */
  wake(): void {
    this.#startNs ??= this.#lastNs = this.#now();
    if (this.#look === undefined) this.#schedule();
  }

  /** Does something while nobody looks: a look keeps the regions it looks at from being moved. */
  async withoutLooks<T>(work: () => Promise<T>): Promise<T> {
    this.#heldOff++;
    try {
      await this.#look;
      return await work();
    } finally {
      this.#heldOff--;
    }
  }

  /** One limit when nothing here sees reads. Asks the kernel the first time, which takes milliseconds. */
  limits(): Limit[] {
    return this.#ladderNow().limits();
  }

  /** As it is now. Asks the kernel the first time, which takes milliseconds. */
  stats(): TrackingStats {
    const elapsedNs = this.#now() - (this.#startNs ?? Number.NEGATIVE_INFINITY);
    const sources = this.#sources?.kinds ?? [];
    return {
      sources,
      unused: this.#ladderNow().unused(),
      intervalMs: this.#intervalMs(),
      costShare: this.#costNs / Math.max(elapsedNs, 1),
      collections: this.#collections,
      watchedChunks: sources.length === 0 ? 0 : this.#list.chunks.length,
      regionChunks: this.#list.wanted,
      errors: this.#sources?.errors ?? 0,
      lastError: this.#sources?.lastError,
    };
  }

  /** Stops. A look under way ends by itself, and what it finds is dropped. Idempotent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sources?.close();
  }

  #now(): number {
    return this.#parts.sliceClock.nowNs();
  }

  #ladderNow(): HotnessLadder {
    const { probe, space } = this.#parts;
    const hasFiles = space.set.all.some(({ config }) => config.kind === 'file' && !config.dax);
    this.#ladder ??= new HotnessLadder(probe(), this.#settings.sources, hasFiles);
    return this.#ladder;
  }

  #intervalMs(): number {
    const waits = this.#sources?.kinds.includes(runsAllTheTime) === true;
    return Math.max(this.#pace.intervalMs, waits ? leastMsWithIt : 0);
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#heldOff > 0) this.#schedule();
      else this.#begin();
    }, this.#intervalMs()).unref();
  }

  #begin(): void {
    this.#look = this.#turn().finally(() => {
      this.#look = undefined;
    });
  }

  /** Looks once, and sees to the next time. Never rejects. */
  async #turn(): Promise<void> {
    const slices = new Slices(this.#parts.sliceClock);
    slices.begin();
    try {
      this.#list.advance(this.#pace.chunks);
      const { chunks, version } = this.#list;
      this.#sources ??= new HotnessSources(this.#parts.space.set.heap, this.#ladderNow());
      if (chunks.length > 0) this.#sources.open();
      else this.#sources.close();
      // Nothing to look at, or to look with: the next region starts it again.
      if (this.#sources.kinds.length === 0) return;
      this.#sources.watch(chunks, version);
      const findings = await slices.outside(this.#sources.look(version));
      if (this.#closed) return;
      this.#take(findings);
      this.#schedule();
    } finally {
      slices.end();
    }
  }

  #take(findings: readonly Finding[]): void {
    const nowNs = this.#now();
    const elapsedNs = nowNs - this.#lastNs;
    this.#lastNs = nowNs;
    const found = new Map<number, Accesses>();
    let lookNs = 0;
    let runningNs = 0;
    for (const { kind, sample } of findings) {
      const costNs = costOf(kind, sample);
      if (kind === runsAllTheTime) runningNs += costNs;
      else lookNs += costNs;
      this.#merge(found, kind, sample);
    }
    this.#note(found);
    if (findings.length > 0) {
      this.#collections++;
      this.#list.looked(this.#ladderNow().seesReads);
    }
    lookNs += this.#now() - nowNs;
    this.#costNs += lookNs + runningNs;
    const watched = this.#list.chunks.length;
    const { wanted } = this.#list;
    // The first look prepares the memory it looks at, and costs many times what the others will.
    if (this.#collections < 2) return;
    this.#pace.record({
      lookNs,
      runningNs,
      elapsedNs,
      watched,
      wanted,
    });
  }

  /** Sources overlap: of a chunk that two have found, the larger count is nearer to the truth. */
  #merge(found: Map<number, Accesses>, kind: HotnessSourceKind, sample: HotnessSample): void {
    const { chunks, reads, writes } = sample;
    const tellsWrites = this.#ladderNow().tellsWrites(kind);
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i];
      let accesses = found.get(chunk);
      if (accesses === undefined) {
        accesses = { reads: 0, either: 0, writes: 0 };
        found.set(chunk, accesses);
      }
      if (tellsWrites) accesses.reads = Math.max(accesses.reads, reads[i]);
      else accesses.either = Math.max(accesses.either, this.#pages(kind, chunk, reads[i]));
      accesses.writes = Math.max(accesses.writes, writes[i]);
    }
  }

  /**
   * An accessed bit of a huge page does not tell how much of it was used: it is taken for all, as DAMON takes it.
   * Files are mapped in small pages; counted as one, a chunk would look colder for having been promoted from one.
   */
  #pages(kind: HotnessSourceKind, chunk: number, reads: number): number {
    if (kind !== 'referenced' || reads !== 1) return reads;
    const region = this.#list.regionOf(chunk);
    if (region === undefined) return reads;
    return this.#parts.space.set.backendOf(chunk).config.kind === 'file' ? reads : pagesPerChunk;
  }

  #note(found: ReadonlyMap<number, Accesses>): void {
    for (const [chunk, { reads, either, writes }] of found) {
      const object = this.#list.regionOf(chunk);
      if (object === undefined) continue;
      // What was written is in `either` as well.
      const read = Math.max(reads, either - writes);
      this.#parts.ledger.noteChunk(object, chunk - object.firstChunk, read, writes);
    }
  }
}

/** What a look cost, with what it made the program pay. */
function costOf(kind: HotnessSourceKind, { costNs, writes }: HotnessSample): number {
  const perWrite = faultNs[kind] ?? 0;
  return perWrite === 0 ? costNs : costNs + perWrite * writes.reduce((sum, n) => sum + n, 0);
}

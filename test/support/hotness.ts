import { BackendSet } from '../../lib/memory/backend-set.ts';
import type {
  HotnessProbe,
  HotnessSample,
  HotnessSourceKind,
  NativeHotnessSource,
} from '../../lib/memory/hotness-binding.ts';
import { type HotnessParts, KernelHotness } from '../../lib/memory/kernel-hotness.ts';
import type { LargeObject } from '../../lib/memory/large-object.ts';
import { ObjectStore } from '../../lib/memory/object-store.ts';
import { PlainHeap } from '../../lib/memory/plain-heap.ts';
import { SliceClock } from '../../lib/slices.ts';
import { modelTiers } from './stores.ts';

const MiB = 1024 * 1024;

/** A source that finds what a test tells it to. */
export class FakeSource implements NativeHotnessSource {
  readonly kind: HotnessSourceKind;
  watched: readonly number[] = [];
  /** How often `watch` was called. */
  watches = 0;
  looks = 0;
  closed = false;
  /** Accesses a look finds: of each watched chunk by default none. */
  accesses: (chunk: number) => { reads?: number; writes?: number } = () => ({});
  costNs: (chunks: number) => number = () => 1000;
  /** What a look waits for. */
  during: () => Promise<void> = async () => undefined;
  /** Thrown by the next looks. */
  failures: Error[] = [];

  constructor(kind: HotnessSourceKind) {
    this.kind = kind;
  }

  watch(chunks: Uint32Array): void {
    this.watched = [...chunks];
    this.watches++;
  }

  async collect(): Promise<HotnessSample> {
    this.looks++;
    const { watched } = this;
    await this.during();
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const found = watched
      .map((chunk) => ({ chunk, reads: 0, writes: 0, ...this.accesses(chunk) }))
      .filter(({ reads, writes }) => reads + writes > 0);
    return {
      chunks: Uint32Array.from(found, ({ chunk }) => chunk),
      reads: Uint32Array.from(found, ({ reads }) => reads),
      writes: Uint32Array.from(found, ({ writes }) => writes),
      costNs: this.costNs(watched.length),
      scannedBytes: watched.length * 2 * MiB,
    };
  }

  close(): void {
    this.closed = true;
  }
}

class HeapWithSources extends PlainHeap {
  readonly sources: Partial<Record<HotnessSourceKind, FakeSource>>;
  /** Kinds in the order they were opened. */
  readonly opened: HotnessSourceKind[] = [];

  constructor(sources: readonly FakeSource[]) {
    super();
    this.sources = Object.fromEntries(sources.map((source) => [source.kind, source]));
  }

  override openHotnessSource(kind: HotnessSourceKind = 'referenced'): NativeHotnessSource {
    const source = this.sources[kind];
    if (source === undefined) throw new Error(`${kind} is refused`);
    this.opened.push(kind);
    return source;
  }
}

/** What the kernel says of a source. */
export function probe(kind: HotnessSourceKind, available = true, detail = ''): HotnessProbe {
  return { kind, available, detail, seesReads: kind !== 'write-protect', seesWrites: true };
}

/** A tracker, what it works on, and the sources it opens. */
export interface TrackerUnderTest {
  readonly hotness: KernelHotness;
  readonly store: ObjectStore;
  /** Kinds in the order they were opened. */
  readonly opened: readonly HotnessSourceKind[];
  /** Makes a region of so many chunks on the slow tier. */
  readonly region: (chunks: number) => LargeObject;
}

/** A tracker over these sources, of a store of two simulated tiers of 64 MiB. Time is the test's fake time. */
export function trackerOver(
  sources: readonly FakeSource[],
  options: { readonly overhead?: number; readonly probes?: readonly HotnessProbe[] } = {},
): TrackerUnderTest {
  const { overhead = 0.01, probes = sources.map(({ kind }) => probe(kind)) } = options;
  const heap = new HeapWithSources(sources);
  const store = new ObjectStore(new BackendSet(heap, modelTiers([64, 64])));
  const parts: HotnessParts = {
    space: store.space,
    ledger: store.ledger,
    probe: () => probes,
    sliceClock: new SliceClock(200_000),
  };
  const hotness = new KernelHotness(parts, {
    overhead,
    sources: ['damon', 'pmu', 'referenced', 'write-protect', 'page-cache'],
  });
  const region = (chunks: number): LargeObject => {
    const order = { tiers: [1], node: -1, pinned: false };
    const id = store.allocate(8, chunks * 2 * MiB, order, true);
    hotness.wake();
    return store.space.largeOf(id) as LargeObject;
  };
  return { hotness, store, opened: heap.opened, region };
}

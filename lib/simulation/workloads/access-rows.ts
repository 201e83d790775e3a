/** What a synthetic workload is made of: a generator that appends accesses to rows, and rows that grow. */

import type { TraceBatch } from '../trace-parser.ts';
import type { Workload } from '../workload.ts';

/** Appends accesses, one operation of the program at a time. Has its own state and is used for one pass. */
export interface AccessGenerator {
  /** Objects that exist from the start, with keys 0, 1, 2…: each is touched once, in order, before the first step. */
  readonly unitCount: number;
  /** Size of one of them. */
  sizeOf(key: number): number;
  /** Appends the accesses of one operation: at least one. */
  step(rows: AccessRows): void;
}

const batchRows = 8192;

/** A batch that is being filled. */
export class AccessRows implements TraceBatch {
  length = 0;
  firstLine = 2;
  key: Float64Array = new Float64Array(batchRows);
  sizeBytes: Float64Array = new Float64Array(batchRows);
  write: Uint8Array = new Uint8Array(batchRows);
  time: Float64Array = new Float64Array(batchRows);

  /** `write` is 1 or 0. */
  add(key: number, sizeBytes: number, write: number): void {
    const row = this.length++;
    if (row === this.key.length) this.#widen();
    this.key[row] = key;
    this.sizeBytes[row] = sizeBytes;
    this.write[row] = write;
  }

  /** Forgets the rows, which `firstLine` keeps count of. */
  clear(): void {
    this.firstLine += this.length;
    this.length = 0;
  }

  /** An operation is never cut in two: a long one makes a longer batch. */
  #widen(): void {
    const rows = this.key.length * 2;
    const key = new Float64Array(rows);
    const sizeBytes = new Float64Array(rows);
    const write = new Uint8Array(rows);
    key.set(this.key);
    sizeBytes.set(this.sizeBytes);
    write.set(this.write);
    this.key = key;
    this.sizeBytes = sizeBytes;
    this.write = write;
    this.time = new Float64Array(rows);
  }
}

/** What {@link syntheticWorkload} needs to know besides the generator. */
export interface SyntheticOptions {
  readonly name: string;
  readonly weight: number;
  /** Accesses after the load phase. */
  readonly accesses: number;
  /** Accesses after the load phase at which the pattern changes for good, ascending. */
  readonly shifts: readonly number[];
}

/** A workload whose accesses a new generator makes at each pass. */
export function syntheticWorkload(
  options: SyntheticOptions,
  generator: () => AccessGenerator,
): Workload {
  const { name, weight, accesses, shifts } = options;
  // Some generators take a while to make: the first pass, or the first question, tells.
  let loaded: number | undefined;
  const load = (): number => {
    loaded ??= generator().unitCount;
    return loaded;
  };
  return {
    name,
    weight,
    get loadRequests() {
      return load();
    },
    get shifts() {
      return shifts.map((at) => load() + at);
    },
    batches: () => {
      const fresh = generator();
      loaded = fresh.unitCount;
      return accessesOf(fresh, accesses);
    },
  };
}

function* accessesOf(generator: AccessGenerator, accesses: number): Generator<TraceBatch> {
  const rows = new AccessRows();
  const { unitCount } = generator;
  for (let key = 0; key < unitCount; ) {
    const end = Math.min(unitCount, key + batchRows);
    for (; key < end; key++) rows.add(key, generator.sizeOf(key), 0);
    yield rows;
    rows.clear();
  }
  for (let left = accesses; left > 0; ) {
    const wanted = Math.min(left, batchRows);
    while (rows.length < wanted) generator.step(rows);
    rows.length = Math.min(rows.length, left);
    left -= rows.length;
    yield rows;
    rows.clear();
  }
}
